"""The composition root: settings to a decision point, in this process or behind HTTP."""

from functools import partial
from pathlib import Path

import structlog

from pdp.audit.ingest import LogWriter
from pdp.audit.location import open_store
from pdp.core.settings.model import Settings
from pdp.lifecycle.activate import ActiveBundle
from pdp.lifecycle.deciding import ActiveDecider
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.serial import SerialRegister
from pdp.lifecycle.watch import watch
from pdp.revocation.held import HeldRevocations
from pdp.revocation.location import open_revocations
from pdp.server.clock import system_clock
from pdp.server.in_process import InProcessDecisionPoint
from pdp.server.revoking import RevokingDecider


def open_active(settings: Settings, *, base: Path) -> ActiveBundle:
    """The active bundle of `settings`, whose paths are relative to `base`.

    Raises:
        ConfigurationError: with every problem of policies, catalog and schemas.

    """
    pdp = settings.pdp
    active = ActiveBundle(
        DirectorySource(policies=base / pdp.policies, schemas=base / pdp.schemas),
        serials=SerialRegister(base / pdp.state),
        max_age=pdp.answer_max_age,
    )
    active.activate()
    return active


def open_local(settings: Settings, *, base: Path, enforcer: str) -> InProcessDecisionPoint:
    """A decision point in this process for the enforcer of that name; called inside a running event loop.

    Raises:
        ConfigurationError: with every problem of policies, catalog and schemas.
        UnusableError: the decision log or the revocations cannot be opened.

    """
    log = structlog.get_logger("toolgate.pdp")
    active = open_active(settings, base=base)
    pdp, clock = settings.pdp, system_clock()
    store = open_revocations(pdp, base=base)
    held = HeldRevocations(store, max_age=pdp.revocations.max_age, steady=clock.steady, log=log)
    writer = LogWriter(open_store(pdp.log, base=base), log=log)
    writer.start()
    return InProcessDecisionPoint(
        active,
        RevokingDecider(ActiveDecider(active, clock=clock), held, clock=clock),
        writer,
        enforcer=enforcer,
        background=[
            partial(watch, active, interval=pdp.reload_interval),
            partial(held.watch, pdp.revocations.interval),
        ],
        on_close=store.close,
    )
