"""Who writes to the log's database."""

from pathlib import Path

from pdp.audit.location import open_store
from pdp.audit.process_store import ProcessStore
from pdp.audit.store import RecordStore
from pdp.core.settings.decision_point import LogSettings, LogWriting


def open_writing(log: LogSettings, *, base: Path) -> RecordStore:
    """The store of the settings, in a process of its own where nothing else is said.

    Raises:
        UnusableError: the log cannot be opened.

    """
    match log.writer or LogWriting.PROCESS:
        case LogWriting.PROCESS:
            return ProcessStore(log, base=base)
        case LogWriting.THREAD:
            return open_store(log, base=base)
