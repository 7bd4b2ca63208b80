"""What goes on beside decisions: started together, ended together, and told when it ends by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from structlog.typing import FilteringBoundLogger

from pdp.hosting.event_log import frames


class Background:
    """Keeps `works` going from `start` to `stop`, both in a running event loop."""

    def __init__(self, works: Sequence[Callable[[], Awaitable[None]]], *, log: FilteringBoundLogger) -> None:
        self._works = works
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with all of them."""
        self._tasks = [asyncio.create_task(self._guarded(work)) for work in self._works]

    async def stop(self) -> None:
        """Cancel those that go on, and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the outermost edge: decisions go on, and the log says what does not
            self._log.critical("background_work_ended", error=type(error).__name__, at=frames(error))
