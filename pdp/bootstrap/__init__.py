"""The composition root: settings to a decision point, in this process or behind HTTP."""

from functools import partial
from pathlib import Path

import structlog

from pdp.audit.ingest import LogWriter
from pdp.bootstrap.bundles import interval, open_active
from pdp.bootstrap.canary import open_canary
from pdp.bootstrap.log_writing import open_writing
from pdp.bootstrap.spools import open_own_spool
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.model import Settings
from pdp.exports.opening import open_checkpoints
from pdp.lifecycle.deciding import ActiveDecider
from pdp.lifecycle.watch import watch
from pdp.revocation.held import HeldRevocations
from pdp.revocation.location import open_revocations
from pdp.server.announcements import Announcements
from pdp.server.clock import system_clock
from pdp.server.in_process import InProcessDecisionPoint
from pdp.server.own_records import OwnRecords
from pdp.server.revoking import RevokingDecider


async def open_local(settings: Settings, *, base: Path, enforcer: str) -> InProcessDecisionPoint:
    """A decision point in this process for the enforcer of that name.

    Raises:
        ConfigurationError: with every problem of policies, catalog and schemas.
        UnusableError: the decision log, the spool before it or the revocations cannot be opened.

    """
    log = structlog.get_logger("toolgate.pdp")
    pdp, clock = settings.pdp, system_clock()
    active = open_active(pdp, base=base, clock=clock)
    store = open_revocations(pdp, base=base)
    held = HeldRevocations(store, max_age=pdp.revocations.max_age, steady=clock.steady, log=log)
    writer = LogWriter(open_writing(pdp.log, base=base), log=log)
    announcements = Announcements(writer, clock=clock)
    spool = open_own_spool(pdp, writer, announcements, base=base, clock=clock, log=log)
    own = OwnRecords(writer, spool, clock=clock)
    canary = open_canary(pdp, ActiveDecider(active, clock=clock), own, base=base, clock=clock)
    checkpoints = open_checkpoints(pdp, base=base, clock=clock, log=log)
    writer.start()
    if canary.trial is not None:  # else this process has no records of its own
        try:
            await spool.start()
        except UnusableError:
            await writer.aclose()
            store.close()
            raise
    return InProcessDecisionPoint(
        active,
        RevokingDecider(canary.decider, held, clock=clock),
        own,
        announcements,
        enforcer=enforcer,
        background=[
            partial(watch, active, interval=interval(pdp)),
            partial(held.watch, pdp.revocations.interval),
            announcements.run,
            *canary.background,
            *([] if checkpoints is None else [checkpoints.watch]),
        ],
        log=log,
        on_close=store.close,
    )
