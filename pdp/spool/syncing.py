"""Syncing: what was written reaches the disk, once for all who wait for it."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import RecordError
from pdp.spool.backlog import Segment
from pdp.spool.tail import Tail


class Syncing:
    """Syncs what `tail` wrote: at once where somebody waits or hurries, else every `interval` seconds.

    `on_change` is called when more is written or synced.
    """

    def __init__(
        self,
        tail: Tail,
        *,
        interval: float,
        executor: Executor,
        log: FilteringBoundLogger,
        on_change: Callable[[], None],
    ) -> None:
        self.tail = tail
        self._interval = interval
        self._executor = executor
        self._log = log
        self._on_change = on_change
        self._dirty = asyncio.Event()
        self._hurry = asyncio.Event()
        self._waiting: list[tuple[Segment, asyncio.Future[None]]] = []
        self._is_stopping = False
        self.failures = 0

    def wrote(self) -> None:
        """Something was written."""
        self._dirty.set()
        self._on_change()

    def hurry(self) -> None:
        """Do not wait for the interval."""
        self._hurry.set()

    def release_later(self, segment: Segment, answers: Sequence[asyncio.Future[None]]) -> None:
        """Answer once what `segment` has now is on the disk, or is known not to be."""
        self._waiting += [(segment, answer) for answer in answers]
        self._hurry.set()

    async def run(self) -> None:
        """Sync until `stop`, and what was written until then."""
        while not self._is_stopping or self.tail.unsynced:
            await self._dirty.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._hurry.wait()
            self._dirty.clear()
            self._hurry.clear()
            await self._sync()

    def stop(self) -> None:
        """Let `run` return once all is synced."""
        self._is_stopping = True
        self._dirty.set()
        self._hurry.set()

    async def _sync(self) -> None:
        sizes = self.tail.unsynced
        waiting, self._waiting = self._waiting, []
        error: Exception | None = None
        if sizes:
            try:
                await asyncio.get_running_loop().run_in_executor(self._executor, self.tail.sync, sizes)
                self.tail.synced(sizes)
            except Exception as failure:  # noqa: BLE001 - whatever it is, who waits must be denied
                error = failure
                waiting += self._distrust(sizes, failure)
        for _, answer in waiting:
            if answer.done():
                continue
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(RecordError(f"the spool does not reach the disk: {_cause(error)}"))
        self._on_change()

    def _distrust(
        self, sizes: Sequence[tuple[Segment, int]], error: Exception
    ) -> list[tuple[Segment, asyncio.Future[None]]]:
        """What came meanwhile to the same segments fails with them: a later sync may succeed and mean nothing."""
        self.failures += 1
        numbers = [segment.number for segment, _ in sizes]
        self._log.critical("spool_not_synced", segments=numbers, cause=_cause(error))
        self.tail.distrust(sizes)
        lost = {segment for segment, _ in sizes}
        failed = [one for one in self._waiting if one[0] in lost]
        self._waiting = [one for one in self._waiting if one[0] not in lost]
        return failed


def _cause(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
