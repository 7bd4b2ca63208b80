"""One run of a writer: numbers its records, writes them in groups, and says when they are kept."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import RecordError
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import Sealed
from pdp.core.settings.decision_point import LogMode
from pdp.spool.backlog import Backlog
from pdp.spool.bounds import SpoolBounds
from pdp.spool.chain import Head, Numbering
from pdp.spool.frame import frame
from pdp.spool.syncing import Syncing
from pdp.spool.tail import NotWrittenError, Written

_MAX_GROUP: Final = 4 * 1024 * 1024
"""Bytes after which a group is written, and the next begins."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Records that one caller waits for."""

    records: Sequence[Record]
    answer: asyncio.Future[None]

    def refuse(self, error: RecordError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True)
class _Group:
    """What is written at once, after the record `before`."""

    before: Head | None
    asked: list[_Asked] = field(default_factory=list)
    sealed: list[Sealed] = field(default_factory=list)
    size: int = 0

    def add(self, asked: _Asked, sealed: Sequence[Sealed]) -> None:
        self.asked.append(asked)
        self.sealed += sealed
        self.size += sum(len(one.content) for one in sealed)


class Run:
    """Appends to the tail of `syncing` and counts in `backlog`; all its methods belong to one event loop.

    `why_waiting` says why records wait that were written.
    """

    def __init__(
        self,
        backlog: Backlog,
        numbering: Numbering,
        syncing: Syncing,
        *,
        mode: LogMode,
        bounds: SpoolBounds,
        clock: Clock,
        log: FilteringBoundLogger,
        why_waiting: Callable[[], str | None],
    ) -> None:
        self._tail = syncing.tail
        self._backlog = backlog
        self._numbering = numbering
        self._syncing = syncing
        self._mode = mode
        self._bounds = bounds
        self._clock = clock
        self._log = log
        self._why_waiting = why_waiting
        self._asked: list[_Asked] = []
        self._room = asyncio.Event()
        self._is_closed = False
        self.write_error: str | None = None

    @property
    def is_full(self) -> bool:
        """Whether a new record has to wait for room."""
        return self._backlog.bytes >= self._bounds.max_bytes

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all of `records` are kept: written, and where it is `durable`, on the disk.

        A caller that goes away does not take its records with it.

        Raises:
            RecordError: they are not.

        """
        if not records:
            return
        await self._admit()
        asked = _Asked(records, asyncio.get_running_loop().create_future())
        if not self._asked:
            asyncio.get_running_loop().call_soon(self.write_group)
        self._asked.append(asked)
        await asked.answer

    def make_room(self) -> None:
        """Less waits than before."""
        self._room.set()

    def close(self) -> None:
        """Write what was asked for, and refuse what comes."""
        self._is_closed = True
        self._room.set()
        self.write_group()
        self._tail.abandon()

    def write_group(self) -> None:
        """Write what was asked for since the last time."""
        asked, self._asked = self._asked, []
        group = _Group(self._numbering.head)
        for one in asked:
            try:
                group.add(one, self._numbering.seal_all(one.records))
            except RecordError as error:
                one.refuse(error)
            if group.size >= _MAX_GROUP:
                self._write(group)
                group = _Group(self._numbering.head)
        if group.asked:
            self._write(group)

    async def _admit(self) -> None:
        """Back-pressure: wait for room."""
        if not self.is_full and not self._is_closed:
            return
        try:
            async with asyncio.timeout(self._bounds.max_wait):
                while self.is_full and not self._is_closed:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError as error:
            text = f"the spool has been full for {self._bounds.max_wait} s, {self._backlog.records} records wait"
            why = self._why_waiting()
            raise RecordError(text if why is None else f"{text}: {why}") from error
        if self._is_closed:
            raise RecordError("the spool is closed")

    def _write(self, group: _Group) -> None:
        try:
            written = self._tail.write([frame(one.content) for one in group.sealed])
        except NotWrittenError as error:
            self._count(group, error.kept)
            if self.write_error is None:
                self._log.critical("spool_not_written", cause=str(error))
            self.write_error = str(error)
            for one in group.asked:
                one.refuse(RecordError(f"the spool cannot be written: {error}"))
            return
        self.write_error = None
        self._count(group, written)
        answers = [one.answer for one in group.asked]
        match self._mode:
            case LogMode.DURABLE:
                self._syncing.release_later(written.segment, answers)
            case LogMode.SPOOLED:
                for answer in answers:
                    if not answer.done():
                        answer.set_result(None)

    def _count(self, group: _Group, written: Written | None) -> None:
        """INVARIANT: the next record comes after the last that is there, so that no number is missing."""
        if written is None:
            self._numbering.go_on_after(group.before)
            return
        segment = written.segment
        if written.frames < len(group.sealed):
            self._numbering.go_on_after(Head.of(group.sealed[written.frames - 1]))
        if not segment.records:
            self._backlog.segments.append(segment)
        segment.records += written.frames
        segment.heads[self._numbering.boot] = self._numbering.sequence
        self._backlog.wrote(written.size, written.frames, now=self._clock.wall())
        self._syncing.wrote()
