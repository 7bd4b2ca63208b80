"""A spool that keeps nothing itself: what is appended is numbered and committed to the log at once."""

from collections.abc import Sequence

from pdp.audit.ingest import LogWriter
from pdp.core.contract.errors import RecordError
from pdp.core.contract.record import Record
from pdp.spool.chain import Numbering
from pdp.spool.spool import Standing


class DirectSpool:
    """Fills the port `OwnSpool` over `writer`; set `untaken` to a cause to make it take nothing."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._numbering = Numbering("own-boot", None)
        self.untaken: str | None = None
        self.waiting = 0

    async def start(self) -> None:
        pass

    async def append(self, records: Sequence[Record]) -> None:
        await self.check()
        before = self._numbering.head
        try:
            await self._writer.commit_all(self._numbering.seal_all(records))
        except RecordError:
            self._numbering.go_on_after(before)
            raise

    def standing(self) -> Standing:
        return Standing(self.waiting, 0, 1.5 if self.waiting else None, 0, 0, self.untaken, None)

    async def check(self) -> None:
        if self.untaken is not None:
            raise RecordError(self.untaken)

    async def aclose(self) -> None:
        pass
