"""The canary of a decision point, from the settings: what is tried, and beside what."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from pdp.bootstrap.bundles import read_trust
from pdp.bootstrap.channels import open_channel
from pdp.bootstrap.git import open_git
from pdp.core.bundle.trust import Trust
from pdp.core.contract.clock import Clock
from pdp.core.settings.bundles import CanarySettings
from pdp.core.settings.decision_point import PdpSettings
from pdp.lifecycle.channel import CANARY
from pdp.lifecycle.channel_source import ChannelSource
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
    shadow = ShadowBundle(open_canary_source(pdp, canary, base=base, clock=clock), rules=rules, clock=clock)
    trial = Trial(shadow, own, percent=canary.percent, clock=clock, log=structlog.get_logger("toolgate.canary"))
    remote = canary.git or canary.channel
    interval = pdp.reload_interval if remote is None else remote.interval
    return Canary(
        CanaryDecider(decider, trial, clock=clock),
        trial,
        shadow.refresh,
        (partial(watch_from_now, shadow, interval=interval), trial.run),
    )


def open_canary_source(pdp: PdpSettings, canary: CanarySettings, *, base: Path, clock: Clock) -> BundleSource:
    """Where what is tried comes from.

    Raises:
        ConfigurationError: what is configured for it cannot be used.
        UnusableError: a program or a file that it needs is not there.

    """
    if canary.channel is not None:
        channel = open_channel(canary.channel, base=base, setting="pdp.bundles.canary.channel")
        return ChannelSource(channel, head=CANARY)
    if canary.git is not None:
        folder, setting = base / pdp.state / "canary-git", "pdp.bundles.canary.git"
        return open_git(canary.git, base=base, folder=folder, setting=setting, clock=clock)
    return DirectorySource(policies=base / (canary.policies or ""), schemas=base / (canary.schemas or ""))


def _newest_trust(pdp: PdpSettings, *, base: Path) -> Callable[[], Trust] | None:
    """What gives the newest root of trust that the active bundle led to; None where nothing is signed."""
    if pdp.bundles.trust is None:
        return None
    configured, state = read_trust(base / pdp.bundles.trust), BundleState(base / pdp.state)
    return lambda: state.lineage(configured)[-1]
