"""What tests of the spool share: records, a disk that fails, an ear for events, and ways to end a process."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from enforcers.testing.records import InMemorySink
from pdp.core.contract.clock import Clock
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord, Record
from pdp.core.contract.record_terms import DecisionOrigin, Effect
from pdp.core.contract.sealed import unseal
from pdp.core.settings.decision_point import LogMode
from pdp.server.clock import system_clock
from pdp.spool.bounds import SpoolBounds
from pdp.spool.disk import SystemDisk
from pdp.spool.frame import read_segment
from pdp.spool.spool import Spool

WRITER = "gateway"
CLOCK: Clock = system_clock()


def decision(name: str, *, writer: str = WRITER, padding: int = 0) -> DecisionRecord:
    """A record that has no number yet, with the id `name`."""
    return DecisionRecord(
        id=name,
        time="2026-07-28T09:00:00.000Z",
        writer=writer,
        boot="",
        sequence=0,
        effect=Effect.ALLOW,
        reason_code=ReasonCode.ALLOWED,
        origin=DecisionOrigin.FRESH,
        transport="stdio",
        latency_us=1,
        detail="x" * padding or None,
    )


class Events:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.log: FilteringBoundLogger = structlog.wrap_logger(
            None, processors=[self._keep], wrapper_class=structlog.make_filtering_bound_logger(0)
        )

    def named(self, name: str) -> list[dict[str, Any]]:
        """Those of that name."""
        return [event for event in self.kept if event["event"] == name]

    def _keep(self, _logger: object, method: str, event: Any) -> Any:
        self.kept.append({**event, "level": method})
        raise structlog.DropEvent


class FailingDisk(SystemDisk):
    """A disk that takes `room` bytes more, whose syncs and cuts fail on demand; it knows what a power cut leaves."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.fails_syncs = False
        self.fails_cuts = False
        self.writes = 0
        self.syncs = 0
        self.synced: dict[int, int] = {}
        self._lock = Lock()

    def write(self, descriptor: int, data: bytes) -> int:
        with self._lock:  # the spool writes from its threads, too
            self.writes += 1
            if self.room is None:
                return super().write(descriptor, data)
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = super().write(descriptor, data[: self.room])
            self.room -= written
            return written

    def sync(self, descriptor: int) -> None:
        if self.fails_syncs:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.syncs += 1
        status = os.fstat(descriptor)
        super().sync(descriptor)
        self.synced[status.st_ino] = status.st_size

    def cut(self, descriptor: int, size: int) -> None:
        if self.fails_cuts:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().cut(descriptor, size)


def make(
    path: Path,
    sink: InMemorySink,
    *,
    mode: LogMode = LogMode.SPOOLED,
    events: Events | None = None,
    disk: SystemDisk | None = None,
    clock: Clock = CLOCK,
    **bounds: Any,
) -> Spool:
    """A spool that was not started."""
    log = (events or Events()).log
    return Spool(path, sink, mode=mode, clock=clock, log=log, bounds=SpoolBounds(**bounds), disk=disk)


@asynccontextmanager
async def spooling(path: Path, sink: InMemorySink, **options: Any) -> AsyncIterator[Spool]:
    """A spool that runs."""
    spool = make(path, sink, **options)
    await spool.start()
    try:
        yield spool
    finally:
        await spool.aclose()


async def until(holds: Callable[[], bool], *, within: float = 20) -> None:
    """Return once `holds` says so.

    Raises:
        TimeoutError: it never did.

    """
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - the condition is of files and counts
            await asyncio.sleep(0.002)


async def crash(spool: Spool) -> None:
    """End `spool` as a killed process does: nothing is written, shipped or remembered any more."""
    slots = list(spool._slots())
    spool._own = None
    for slot in slots:
        for task in slot._tasks:
            task.cancel()
        await asyncio.gather(*slot._tasks, return_exceptions=True)
        slot.release()


def on_disk(slot: Path) -> list[Record]:
    """The records in the segments of `slot`."""
    found: list[Record] = []
    for segment in sorted([*slot.glob("*.log"), *slot.glob("*.damaged")]):
        if segment.name != "refused.log":
            found += [unseal(frame.content).record for frame in read_segment(segment.read_bytes()).frames]
    return found


def segments(slot: Path) -> list[str]:
    """The names of the segments in `slot`."""
    return sorted(path.name for path in slot.iterdir() if path.name[:1].isdigit())


def assert_chained(contents: list[bytes]) -> None:
    """Fail unless the records of `contents`, in this order, are one chain without a gap."""
    before = None
    for content in contents:
        sealed = unseal(content)
        record = sealed.record
        if before is None:
            assert (record.sequence, record.previous) == (1, None)
        else:
            follows = before.record.boot == record.boot
            assert record.sequence == (before.record.sequence + 1 if follows else 1)
            assert record.previous == before.digest
        before = sealed
