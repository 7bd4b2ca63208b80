"""The spool of a writer: its records are numbered and kept in a folder here, and shipped from there.

The folder has slots, since several processes may share a configuration: each takes the first that nobody holds,
and ships what is left in the others.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import RecordError, UnusableError
from pdp.core.contract.record import Record
from pdp.core.contract.run_head import MAX_RUNS, RunHead
from pdp.core.settings.decision_point import LogMode
from pdp.spool.bounds import SpoolBounds
from pdp.spool.disk import Disk, SystemDisk
from pdp.spool.held_slot import HeldSlot
from pdp.spool.recovery import recover
from pdp.spool.sink import Sink
from pdp.spool.slot import HeldElsewhereError, Slot

MAX_SLOTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits, since when (`age` in seconds, None where nothing does), and what became of the rest.

    `unusable` is why no record is taken now, `shipping_error` why none is delivered now; None where they are.
    """

    records: int
    bytes: int
    age: float | None
    delivered: int
    refused: int
    unusable: str | None
    shipping_error: str | None


class Spool:
    """The spool in the folder `path`, shipped to `sink`; takes records between `start` and `aclose`."""

    def __init__(
        self,
        path: Path,
        sink: Sink,
        *,
        mode: LogMode,
        clock: Clock,
        log: FilteringBoundLogger,
        bounds: SpoolBounds | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._path = path
        self._sink = sink
        self._mode = mode
        self._clock = clock
        self._log = log
        self._bounds = bounds or SpoolBounds()
        self._disk = disk or SystemDisk()
        self._own: HeldSlot | None = None
        self._others: list[HeldSlot] = []

    async def start(self) -> None:
        """Take a slot, and begin to ship what is there.

        Raises:
            UnusableError: the folder cannot be used.

        """
        try:
            opened = await asyncio.to_thread(self._open)
        except OSError as error:
            text = f"the spool `{self._path}` cannot be used: {error.strerror or error}"
            raise UnusableError(f"{text}; make it a folder that this user owns, or name another") from error
        self._own, *self._others = opened
        self._own.start(mode=self._mode)
        for other in self._others:
            other.start(mode=None)

    async def append(self, records: Sequence[Record]) -> None:
        """Return once `records` have their numbers and are kept.

        Raises:
            RecordError: they are not.

        """
        if self._own is None or self._own.run is None:
            raise RecordError("the spool is closed")
        await self._own.run.append(records)

    def heads(self) -> list[RunHead]:
        """How far each run is of which something waits, and this one; at most `MAX_RUNS`, this one first."""
        return [head for slot in self._slots() for head in slot.heads()][:MAX_RUNS]

    def standing(self) -> Standing:
        """How it is."""
        slots = list(self._slots())
        since = min((at for at in (slot.backlog.oldest() for slot in slots) if at is not None), default=None)
        errors = [slot.shipping_error for slot in slots if slot.shipping_error is not None]
        return Standing(
            records=sum(slot.backlog.records for slot in slots),
            bytes=sum(slot.backlog.bytes for slot in slots),
            age=None if since is None else max(0.0, self._clock.wall() - since),
            delivered=sum(slot.backlog.delivered for slot in slots),
            refused=sum(slot.backlog.refused for slot in slots),
            unusable="the spool is closed" if self._own is None else self._own.unusable,
            shipping_error=errors[0] if errors else None,
        )

    async def check(self) -> None:
        """Write something that is no record, where the last record could not be written.

        Raises:
            RecordError: no record is taken now.

        """
        if self._own is not None:
            await self._own.check()
        unusable = self.standing().unusable
        if unusable is not None:
            raise RecordError(unusable)

    async def aclose(self) -> None:
        """Keep what was asked for, ship for a bounded time, and leave the rest for the next start."""
        slots = list(self._slots())
        self._own = None
        await asyncio.gather(*(slot.aclose() for slot in slots))
        self._others = []

    def _slots(self) -> Iterator[HeldSlot]:
        if self._own is not None:
            yield self._own
        self._others = [other for other in self._others if not other.is_released]
        yield from self._others

    def _open(self) -> list[HeldSlot]:
        """The slot of this run, then the others in which something waits."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened: list[HeldSlot] = []
        try:
            for number in itertools.count():
                path = self._path / str(number)
                if opened and not path.exists():
                    break
                with suppress(HeldElsewhereError):
                    self._take(Slot(path, disk=self._disk), opened)
                if number >= MAX_SLOTS:
                    break
        except BaseException:
            for one in opened:
                one.release()
            raise
        if not opened:
            raise OSError(f"more than {MAX_SLOTS} processes use it")
        return opened

    def _take(self, slot: Slot, opened: list[HeldSlot]) -> None:
        try:
            recovered = recover(slot, now=self._clock.wall(), log=self._log)
        except BaseException:
            slot.close()
            raise
        if opened and recovered.backlog.is_empty:
            slot.close()
            return
        opened.append(HeldSlot(slot, recovered, self._sink, bounds=self._bounds, clock=self._clock, log=self._log))
