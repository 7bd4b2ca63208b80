"""A slot that this process holds, and what goes on in it: shipping, and in one of them writing."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.clock import Clock
from pdp.core.contract.run_head import RunHead
from pdp.core.settings.decision_point import LogMode
from pdp.spool.bounds import SpoolBounds
from pdp.spool.chain import Numbering
from pdp.spool.recovery import Recovered
from pdp.spool.run import Run
from pdp.spool.shipper import Shipper
from pdp.spool.sink import Sink
from pdp.spool.slot import Slot
from pdp.spool.syncing import Syncing
from pdp.spool.tail import Tail


class HeldSlot:
    """Ships what `recovered` says is in `slot`; with a mode it takes records too, else it ends when all is shipped."""

    def __init__(
        self,
        slot: Slot,
        recovered: Recovered,
        sink: Sink,
        *,
        bounds: SpoolBounds,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self.backlog = recovered.backlog
        self.run: Run | None = None
        self.is_released = False
        self._releasing = Lock()
        self._slot = slot
        self._recovered = recovered
        self._sink = sink
        self._bounds = bounds
        self._clock = clock
        self._log = log
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="toolgate-spool-read")
        self._syncers = ThreadPoolExecutor(1, thread_name_prefix="toolgate-spool-sync")
        self._shipper: Shipper | None = None
        self._syncing: Syncing | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def shipping_error(self) -> str | None:
        """Why nothing is delivered now."""
        return None if self._shipper is None else self._shipper.last_error

    @property
    def unusable(self) -> str | None:
        """Why no record is taken now."""
        if self.run is None:
            return "the spool takes no records"
        if self.run.write_error is not None:
            return f"the spool cannot be written: {self.run.write_error}"
        if self.run.is_full:
            return f"the spool is full: {self.backlog.records} records wait"
        return None

    def heads(self) -> list[RunHead]:
        """How far each run in it is, the one that is written now first."""
        return self.backlog.heads()[::-1]

    def start(self, *, mode: LogMode | None) -> None:
        """Begin, in the running event loop."""
        shipper = Shipper(
            self._slot,
            self.backlog,
            self._sink,
            executor=self._readers,
            bounds=self._bounds,
            clock=self._clock,
            log=self._log,
        )
        self._shipper = shipper
        if mode is None:
            self._tasks = [asyncio.create_task(self._drain(shipper))]
            return
        tail = Tail(self._slot, number=self._recovered.next_number, segment_bytes=self._bounds.segment_bytes)
        self._syncing = Syncing(
            tail,
            interval=self._bounds.sync_interval,
            executor=self._syncers,
            log=self._log,
            on_change=shipper.wake,
        )
        self.run = Run(
            self.backlog,
            Numbering(self._clock.identifier(), self._recovered.head),
            self._syncing,
            mode=mode,
            bounds=self._bounds,
            clock=self._clock,
            log=self._log,
            why_waiting=lambda: shipper.last_error,
        )
        shipper.on_want, shipper.on_progress = self._syncing.hurry, self.run.make_room
        self._tasks = [asyncio.create_task(shipper.run()), asyncio.create_task(self._syncing.run())]

    async def check(self) -> None:
        """Write something that is no record, where the last record could not be written."""
        run = self.run
        if run is None or run.write_error is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._syncers, self._slot.check)
            run.write_error = None
        except OSError as error:
            run.write_error = error.strerror or os.strerror(error.errno or 0)

    async def aclose(self) -> None:
        """Keep what was asked for, ship for a bounded time, and let go of the slot."""
        if self.run is not None and self._syncing is not None:
            self.run.close()
            self._syncing.stop()
            await asyncio.wait(self._tasks[1:])
        if self._shipper is not None and not self.is_released:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._bounds.drain):
                    await self._shipper.drain()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.to_thread(self.release)

    def release(self) -> None:
        """Let go of the slot; any thread may call it, and whoever comes second waits."""
        with self._releasing:
            if not self.is_released:
                self._readers.shutdown()
                self._syncers.shutdown()
                self._slot.close()
                self.is_released = True

    async def _drain(self, shipper: Shipper) -> None:
        """Ship what a process that is gone has left, then let go of its slot."""
        shipping = asyncio.create_task(shipper.run())
        try:
            while not self.backlog.is_empty:
                await shipper.progress()
        finally:
            shipping.cancel()
            await asyncio.wait([shipping])
        await asyncio.to_thread(self.release)
