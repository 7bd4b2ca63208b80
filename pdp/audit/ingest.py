"""The way into the log: many ask at once, one thread commits for all of them together."""

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.audit.group_commit import GroupCommit
from pdp.audit.store import Announcement, RecordStore
from pdp.core.contract.errors import RecordError
from pdp.core.contract.sealed import Sealed

_STOP: Final = None


@dataclass(frozen=True, slots=True)
class WriterBounds:
    """Bounds of the log's queue; times are seconds.

    Over `max_queue` waiting records a new one waits up to `max_wait`, then is refused. One transaction
    holds about `max_batch` records.
    """

    max_queue: int = 10_000
    max_batch: int = 500
    max_wait: float = 2.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """Records or announcements that one caller waits for; none of both makes a probe."""

    records: tuple[Sealed, ...]
    announcements: tuple[Announcement, ...]
    answer: asyncio.Future[None]

    @property
    def weight(self) -> int:
        return max(1, len(self.records))


class LogWriter:
    """Commits records to `store`, in a thread of its own between `start` and `aclose`.

    All its methods belong to one event loop.
    """

    def __init__(
        self,
        store: RecordStore,
        *,
        log: FilteringBoundLogger,
        bounds: WriterBounds | None = None,
    ) -> None:
        self._store = store
        self._bounds = bounds or WriterBounds()
        self.commits = GroupCommit(store, log=log)
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._room = asyncio.Event()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def depth(self) -> int:
        """How many records wait to be committed."""
        return self._waiting

    def start(self) -> None:
        """Start the thread; the running event loop is the one that asks."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="toolgate-log", daemon=True)
        self._thread.start()

    async def commit(self, record: Sealed) -> None:
        """Return once the transaction that holds `record` is committed.

        Raises:
            RecordError: it is not committed.

        """
        await self._ask((record,))

    async def commit_all(self, records: Sequence[Sealed]) -> None:
        """Return once all of `records` are committed.

        Raises:
            RecordError: at least one of them is not.

        """
        if records:
            await self._ask(tuple(records))

    async def announce(self, announcements: Sequence[Announcement]) -> None:
        """Return once `announcements` are committed.

        Raises:
            RecordError: they are not.

        """
        if announcements:
            await self._ask(announcements=tuple(announcements))

    async def probe(self) -> None:
        """Return once something that is no record was committed the same way.

        Raises:
            RecordError: it was not.

        """
        await self._ask()

    async def aclose(self) -> None:
        """Commit what waits, stop the thread and close the store; every later record is refused."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(_STOP)
            await asyncio.to_thread(thread.join)
        self._store.close()

    async def _ask(self, records: tuple[Sealed, ...] = (), *, announcements: tuple[Announcement, ...] = ()) -> None:
        asked = _Asked(records, announcements, asyncio.get_running_loop().create_future())
        await self._admit(asked.weight)
        if self._thread is None or not self._thread.is_alive():
            self._release(asked.weight)
            raise RecordError("the log is closed")
        self._asked.put(asked)
        # A caller that goes away does not take its record with it.
        await asyncio.shield(asked.answer)

    async def _admit(self, weight: int) -> None:
        """Back-pressure: wait for room in the queue; what is larger than the queue goes alone."""
        if self._is_full(weight):
            try:
                async with asyncio.timeout(self._bounds.max_wait):
                    while self._is_full(weight):
                        self._room.clear()
                        await self._room.wait()
            except TimeoutError as error:
                raise RecordError(f"the log's queue has been full for {self._bounds.max_wait} s") from error
        self._waiting += weight

    def _is_full(self, weight: int) -> bool:
        return self._waiting > 0 and self._waiting + weight > self._bounds.max_queue

    def _release(self, weight: int) -> None:
        self._waiting -= weight
        self._room.set()

    def _answer(self, batch: Sequence[_Asked], results: Sequence[RecordError | None]) -> None:
        for asked, error in zip(batch, results, strict=True):
            self._release(asked.weight)
            if asked.answer.done():
                continue
            if error is None:
                asked.answer.set_result(None)
            else:
                asked.answer.set_exception(error)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """What the thread does."""
        stopping = False
        while not stopping:
            batch, stopping = self._take()
            if batch:
                results = self._commit(batch)
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._answer, batch, results)

    def _commit(self, batch: Sequence[_Asked]) -> Sequence[RecordError | None]:
        # Announcements go last, after the records that they count, and wherever those fail.
        announced = [one for asked in batch for one in asked.announcements]
        try:
            groups = [asked.records for asked in batch if not asked.announcements]
            committed = iter(self.commits.commit(groups) if groups else ())
            heard = self.commits.announce(announced) if announced else None
            return [heard if asked.announcements else next(committed) for asked in batch]
        except Exception as error:  # noqa: BLE001 - the thread's outermost edge: it must go on answering
            return [RecordError(f"internal error: {type(error).__name__}") for _ in batch]

    def _take(self) -> tuple[list[_Asked], bool]:
        """What waits, up to one batch; blocks while nothing does."""
        batch: list[_Asked] = []
        weight = 0
        try:
            asked = self._asked.get()
            while asked is not _STOP:
                batch.append(asked)
                weight += asked.weight
                if weight >= self._bounds.max_batch:
                    return batch, False
                asked = self._asked.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True
