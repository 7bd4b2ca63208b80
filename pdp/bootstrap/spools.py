"""The spool of a decision point's own records, from the settings."""

from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.audit.ingest import LogWriter
from pdp.core.contract.clock import Clock
from pdp.core.settings.decision_point import PdpSettings
from pdp.server.announcements import Announcements
from pdp.server.enforcer_keys import OWN_WRITER
from pdp.server.log_sink import LogSink
from pdp.spool.bounds import SpoolBounds
from pdp.spool.spool import Spool

SPOOL_FOLDER: Final = "spool"


def open_own_spool(
    pdp: PdpSettings,
    writer: LogWriter,
    announcements: Announcements,
    *,
    base: Path,
    clock: Clock,
    log: FilteringBoundLogger,
) -> Spool:
    """The spool before `writer`; it takes records once it is started."""
    settings = pdp.log.spool
    folder = pdp.state / SPOOL_FOLDER if settings.path is None else settings.path
    return Spool(
        base / folder / OWN_WRITER,
        LogSink(writer, announcements, name=OWN_WRITER),
        mode=pdp.log.mode,
        clock=clock,
        log=log,
        bounds=SpoolBounds.of(settings),
    )
