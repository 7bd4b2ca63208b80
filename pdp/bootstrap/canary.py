"""The canary of a decision point, from the settings: what is tried, and beside what."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from pdp.bootstrap.bundles import read_trust
from pdp.core.bundle.trust import Trust
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.settings.bundles import CanarySettings
from pdp.core.settings.decision_point import PdpSettings
from pdp.lifecycle.deciding import ActiveDecider
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.shadow import ShadowBundle, ShadowRules
from pdp.lifecycle.source import BundleSource
from pdp.lifecycle.state import BundleState
from pdp.lifecycle.watch import watch_from_now
from pdp.server.canary import CanaryDecider
from pdp.server.decider import Decider
from pdp.server.own_records import OwnRecords
from pdp.server.trial import Trial


@dataclass(frozen=True, slots=True)
class Canary:
    """What has to run for a trial: `refresh` looks at the source at once, `background` goes on beside decisions."""

    decider: Decider
    trial: Trial | None = None
    refresh: Callable[[], None] = lambda: None
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()


def open_canary(pdp: PdpSettings, decider: ActiveDecider, own: OwnRecords, *, base: Path, clock: Clock) -> Canary:
    """The canary of `pdp` beside `decider`; `decider` alone where there is none.

    Raises:
        ConfigurationError: the root of trust cannot be used.

    """
    canary = pdp.bundles.canary
    if canary is None:
        return Canary(decider)
    rules = ShadowRules(answer_max_age=pdp.answer_max_age, trust=_newest_trust(pdp, base=base))
    shadow = ShadowBundle(open_canary_source(canary, base=base), rules=rules, clock=clock)
    trial = Trial(shadow, own, percent=canary.percent, clock=clock, log=structlog.get_logger("toolgate.canary"))
    remote = canary.git or canary.channel
    interval = pdp.reload_interval if remote is None else remote.interval
    return Canary(
        CanaryDecider(decider, trial, clock=clock),
        trial,
        shadow.refresh,
        (partial(watch_from_now, shadow, interval=interval), trial.run),
    )


def open_canary_source(canary: CanarySettings, *, base: Path) -> BundleSource:
    """Where what is tried comes from.

    Raises:
        ConfigurationError: it is of a kind that cannot be read.

    """
    if canary.policies is None or canary.schemas is None:
        text = "a canary can only be two folders, `policies` and `schemas`"
        raise ConfigurationError([Problem("pdp.bundles.canary", 0, 0, "source_unknown", text)])
    return DirectorySource(policies=base / canary.policies, schemas=base / canary.schemas)


def _newest_trust(pdp: PdpSettings, *, base: Path) -> Callable[[], Trust] | None:
    """What gives the newest root of trust that the active bundle led to; None where nothing is signed."""
    if pdp.bundles.trust is None:
        return None
    configured, state = read_trust(base / pdp.bundles.trust), BundleState(base / pdp.state)
    return lambda: state.lineage(configured)[-1]
