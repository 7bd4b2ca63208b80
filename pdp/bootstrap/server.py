"""The decision point behind HTTP; apart from the rest, since one in this process needs none of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import structlog

from pdp.audit.ingest import LogWriter
from pdp.audit.location import open_reader
from pdp.audit.store import Run
from pdp.bootstrap.admin import open_admin
from pdp.bootstrap.bundles import interval, open_active
from pdp.bootstrap.canary import open_canary
from pdp.bootstrap.log_writing import open_writing
from pdp.bootstrap.spools import open_own_spool
from pdp.bootstrap.webhook import open_webhook
from pdp.core.settings.decision_point import LogSettings
from pdp.core.settings.model import Settings
from pdp.exports.opening import open_checkpoints
from pdp.hosting.address import listen_address
from pdp.lifecycle.deciding import ActiveDecider
from pdp.lifecycle.watch import watch
from pdp.revocation.held import HeldRevocations
from pdp.revocation.location import open_revocations
from pdp.server.announcements import Announcements
from pdp.server.app import ServerBounds, build_app
from pdp.server.arrears import Arrears
from pdp.server.clock import system_clock
from pdp.server.confirmations import Confirmations
from pdp.server.enforcers import open_enforcers
from pdp.server.feed import FeedRules
from pdp.server.interior import Interior
from pdp.server.own_records import OwnRecords
from pdp.server.service import PdpService


def open_server(settings: Settings, *, base: Path) -> PdpService:
    """The decision point of `settings` for a listener; what it starts, it starts when it is entered.

    Raises:
        ConfigurationError: with every problem of policies, catalog and schemas, of enforcers or administrators.
        UnusableError: the decision log, the revocations or an enforcer's key file cannot be used.

    """
    log, clock, pdp = structlog.get_logger("toolgate.pdp"), system_clock(), settings.pdp
    active = open_active(pdp, base=base, clock=clock)
    enforcers = open_enforcers(settings, base=base, clock=clock, log=log)
    decider = ActiveDecider(active, clock=clock)
    store = open_revocations(pdp, base=base)
    held = HeldRevocations(store, max_age=pdp.revocations.max_age, steady=clock.steady, log=log)
    writer = LogWriter(open_writing(pdp.log, base=base), log=log)
    announcements = Announcements(writer, clock=clock)
    spool = open_own_spool(pdp, writer, announcements, base=base, clock=clock, log=log)
    own = OwnRecords(writer, spool, clock=clock)
    arrears = Arrears(lambda: _runs(pdp.log, base=base), log=log)
    canary = open_canary(pdp, decider, own, base=base, clock=clock)
    checkpoints = open_checkpoints(pdp, base=base, clock=clock, log=log)
    interior = Interior(
        canary.decider, active, own, held, Confirmations(clock=clock), canary.trial, checkpoints, announcements, arrears
    )
    admin = open_admin(settings, interior, base=base, mapping=lambda: active.bundle.mapping, store=store, clock=clock)
    look = _looking(active.refresh, canary.refresh)
    webhook = open_webhook(pdp.bundles, look, base=base, clock=clock)
    app = build_app(
        interior,
        enforcers=enforcers,
        listen=listen_address(pdp.listen, setting="pdp.listen"),
        clock=clock,
        log=log,
        webhook=webhook,
        bounds=ServerBounds(
            max_body_bytes=pdp.max_message_bytes, feed=FeedRules(pdp.heartbeat_interval, pdp.max_listeners)
        ),
    )
    return PdpService(
        app,
        interior,
        admin=admin,
        reload=look,
        background=[
            partial(watch, active, interval=interval(pdp)),
            partial(held.watch, pdp.revocations.interval),
            announcements.run,
            arrears.run,
            *canary.background,
            *([] if webhook is None else [webhook.watch]),
            *([] if checkpoints is None else [checkpoints.watch]),
        ],
        on_stop=app.stop,
        on_close=store.close,
        log=log,
    )


def _runs(log: LogSettings, *, base: Path) -> Sequence[Run]:
    with closing(open_reader(log, base=base)) as reader:
        return reader.runs()


def _looking(*refreshes: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def look() -> None:
        for refresh in refreshes:
            await asyncio.to_thread(refresh)

    return look
