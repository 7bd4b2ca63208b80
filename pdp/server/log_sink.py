"""The sink of spools in the decision point's process: its own log."""

from collections.abc import Sequence

from pdp.audit.ingest import LogWriter
from pdp.core.contract.run_head import RunHead
from pdp.core.contract.sealed import unread
from pdp.server.announcements import Announcements


class LogSink:
    """Brings the records of the writer `name` to the log, and to `announcements` how far its runs are."""

    def __init__(self, writer: LogWriter, announcements: Announcements, *, name: str) -> None:
        self._writer = writer
        self._announcements = announcements
        self._name = name

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        """Return once the log has committed all of `contents`.

        Raises:
            RecordsRefusedError: one of them is no record, or cannot be stored.
            RecordError: they are not all committed.

        """
        await self._writer.commit_all([unread(content) for content in contents])
        self._announcements.take(self._name, heads)
