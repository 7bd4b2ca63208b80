"""The shipper: brings what is on the disk to the store, in order, and lets go of it once it is committed there."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import RecordError, RecordsRefusedError
from pdp.core.contract.sealed import unseal
from pdp.spool.backlog import Backlog, Segment
from pdp.spool.batches import next_batch
from pdp.spool.bounds import SpoolBounds
from pdp.spool.chain import Head
from pdp.spool.frame import Frame
from pdp.spool.sink import Sink
from pdp.spool.slot import DAMAGED, KEPT, LOG, Cursor, Slot

T = TypeVar("T")


class Shipper:
    """Empties `backlog`, whose files are in `slot`, into `sink`; files are read in `executor`."""

    def __init__(
        self,
        slot: Slot,
        backlog: Backlog,
        sink: Sink,
        *,
        executor: Executor,
        bounds: SpoolBounds,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._slot = slot
        self._backlog = backlog
        self._sink = sink
        self._executor = executor
        self._bounds = bounds
        self._clock = clock
        self._log = log.bind(slot=str(slot.path))
        self.on_want: Callable[[], None] = lambda: None
        """Called where something waits and none of it is on the disk yet."""
        self.on_progress: Callable[[], None] = lambda: None
        """Called when less waits."""
        self._moved = asyncio.Event()
        self._hasty = asyncio.Event()
        self._changed = asyncio.Event()
        self._failures = 0
        self.last_error: str | None = None

    def wake(self) -> None:
        """Look again at what waits."""
        self._moved.set()

    async def run(self) -> None:
        """Deliver what there is and what comes; never returns."""
        while True:
            try:
                if not self._backlog.has_synced:
                    await self._until_more()
                await self._ship()
                self._succeeded()
            except (RecordError, OSError) as error:
                await self._failed(error.detail if isinstance(error, RecordError) else error.strerror or str(error))
            except Exception as error:  # noqa: BLE001 - whatever a sink raises, records wait and nothing else stops
                await self._failed(f"internal error: {type(error).__name__}")

    async def progress(self) -> None:
        """Return once something was delivered, or could not be."""
        self._changed.clear()
        await self._changed.wait()

    async def drain(self) -> None:
        """Return once nothing waits any more, or another try has failed."""
        failures = self._failures
        self._hasty.set()
        self._moved.set()
        while not self._backlog.is_empty and self._failures in {0, failures}:
            await self.progress()

    async def _until_more(self) -> None:
        while not self._backlog.has_synced:
            self._moved.clear()
            if not self._backlog.is_empty:
                if not self._hasty.is_set():
                    await asyncio.sleep(self._bounds.linger)
                self.on_want()
            await self._moved.wait()

    async def _ship(self) -> None:
        """Deliver one batch, or go on to the next segment."""
        segment, offset = self._backlog.segments[0], self._backlog.offset
        if offset >= segment.synced:
            await self._leave(segment)
            return
        batch = await self._in_thread(lambda: next_batch(self._slot, segment, offset))
        if batch.damaged and segment.suffix == LOG:
            self._log.critical("spool_segment_damaged", segment=segment.number, damaged_bytes=batch.damaged)
            with suppress(OSError):
                await self._in_thread(lambda: self._slot.set_suffix(segment.number, LOG, DAMAGED))
            segment.suffix = DAMAGED
        await self._deliver(batch.frames)
        if batch.end is not None:
            self._backlog.pass_on(batch.end, 0 if segment.is_open else segment.records - self._backlog.passed)
            self._changed.set()
            self.on_progress()

    async def _deliver(self, frames: Sequence[Frame]) -> None:
        """Deliver `frames`, in halves where one of them is refused, so that it alone is put aside."""
        if not frames:
            return
        try:
            await self._sink.deliver([frame.content for frame in frames], heads=self._backlog.heads())
        except RecordsRefusedError as error:
            if len(frames) > 1:
                middle = len(frames) // 2
                await self._deliver(frames[:middle])
                await self._deliver(frames[middle:])
                return
            await self._in_thread(lambda: self._slot.keep_refused(frames[0].content))
            self._backlog.refused += 1
            self._log.critical("record_refused", cause=error.detail, **_place(frames[0].content))
        else:
            self._backlog.delivered += len(frames)
        await self._pass_on(frames)

    async def _pass_on(self, frames: Sequence[Frame]) -> None:
        backlog, last = self._backlog, frames[-1]
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            backlog.head = Head.of(unseal(last.content))
        cursor = Cursor(backlog.segments[0].number, last.end, backlog.head)
        try:
            await self._in_thread(lambda: self._slot.keep_cursor(cursor))
        except OSError as error:
            # Records are repeated then. INVARIANT: a full disk does not keep from making room.
            self._log.warning("spool_cursor_not_kept", cause=error.strerror)
        backlog.pass_on(last.end, len(frames))
        self._changed.set()
        self.on_progress()

    async def _leave(self, segment: Segment) -> None:
        """Remove a segment that is delivered; there is another one that has records."""
        self._backlog.leave_first()
        with suppress(FileNotFoundError):
            if segment.suffix == LOG:
                await self._in_thread(lambda: self._slot.remove(segment.number))
            else:
                await self._in_thread(lambda: self._slot.set_suffix(segment.number, segment.suffix, KEPT))

    def _succeeded(self) -> None:
        if self._failures:
            self._log.info("records_shipped_again", failures=self._failures)
        self._failures, self.last_error = 0, None

    async def _failed(self, cause: str) -> None:
        if self.last_error != cause:
            self._log.error("records_not_shipped", cause=cause, waiting=self._backlog.records)
        self._failures, self.last_error = self._failures + 1, cause
        self._changed.set()
        bounds = self._bounds
        longest = min(bounds.longest_pause, bounds.first_pause * 2.0 ** min(self._failures - 1, 32))
        self._hasty.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(longest * (0.5 + self._jitter() / 2)):
                await self._hasty.wait()

    def _jitter(self) -> float:
        return int.from_bytes(self._clock.randomness(4), "big") / 2**32

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _place(content: bytes) -> dict[str, str | int]:
    """What a record is unique by, as far as it says so."""
    try:
        record = unseal(content).record
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return {"writer": record.writer, "boot": record.boot, "sequence": record.sequence}
