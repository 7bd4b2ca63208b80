"""What writers say of their runs, passed on to the log: there it shows which records have not come."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from pdp.audit.ingest import LogWriter
from pdp.audit.store import Announcement
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import RecordError
from pdp.core.contract.run_head import MAX_RUNS, RunHead

INTERVAL_SECONDS: Final = 1.0
"""How long a word waits for a newer one of the same run."""


class Announcements:
    """Keeps the newest word of each run of each writer; `run` brings what is new to the log."""

    def __init__(self, writer: LogWriter, *, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._said: dict[str, OrderedDict[str, int]] = {}
        self._new: dict[tuple[str, str], Announcement] = {}
        self._more = asyncio.Event()

    def take(self, writer: str, heads: Sequence[RunHead]) -> None:
        """Take the word of the writer of that name, which its credential gives it."""
        said = self._said.setdefault(writer, OrderedDict())
        for head in heads[:MAX_RUNS]:
            if said.get(head.boot, 0) >= head.sequence:
                continue
            said[head.boot] = head.sequence
            said.move_to_end(head.boot)
            self._new[writer, head.boot] = Announcement(writer, head.boot, head.sequence, self._clock.wall())
            self._more.set()
        while len(said) > MAX_RUNS:
            boot, _ = said.popitem(last=False)
            self._new.pop((writer, boot), None)

    async def run(self) -> None:
        """Commit what is new, at most once in `INTERVAL_SECONDS`; never returns."""
        while True:
            await self._more.wait()
            self._more.clear()
            new, self._new = self._new, {}
            try:
                await self._writer.announce(list(new.values()))
            except RecordError:  # the log says so itself
                self._new = new | self._new
                self._more.set()
            await asyncio.sleep(INTERVAL_SECONDS)
