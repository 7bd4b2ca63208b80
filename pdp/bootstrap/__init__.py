"""The composition root: settings to a decision point, in this process or behind HTTP."""

from pathlib import Path

import structlog

from pdp.audit.ingest import LogWriter
from pdp.audit.location import open_store
from pdp.core.settings.model import Settings
from pdp.lifecycle.activate import ActiveBundle
from pdp.lifecycle.deciding import ActiveDecider
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.serial import SerialRegister
from pdp.server.clock import system_clock
from pdp.server.in_process import InProcessDecisionPoint


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
        UnusableError: the decision log cannot be opened.

    """
    log = structlog.get_logger("toolgate.pdp")
    active = open_active(settings, base=base)
    writer = LogWriter(open_store(settings.pdp.log, base=base), log=log)
    writer.start()
    decider = ActiveDecider(active, clock=system_clock())
    return InProcessDecisionPoint(
        active, decider, writer, enforcer=enforcer, reload_interval=settings.pdp.reload_interval
    )
