"""What a slot holds when it is opened: every frame is checked, and the chain through all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.identifier import unix_seconds
from pdp.core.contract.sealed import unseal
from pdp.spool.backlog import Backlog, Segment
from pdp.spool.chain import Head, follows
from pdp.spool.frame import Frame, read_segment
from pdp.spool.slot import DAMAGED, KEPT, LOG, Cursor, Slot


@dataclass(slots=True)
class Recovered:
    """What waits in a slot, the last record of its chain, and the number of the next segment."""

    backlog: Backlog
    head: Head | None
    next_number: int


@dataclass(slots=True)
class _Checked:
    """The records of one segment: how many are no continuation of the one before, how many are no records."""

    last: Head | None
    heads: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    strangers: int = 0
    since: float | None = None

    def faults(self, *, damaged: int) -> Mapping[str, int]:
        """What is wrong with the segment, nothing where it is as it was written."""
        counts = {"damaged_bytes": damaged, "broken_links": self.broken, "no_records": self.strangers}
        return {name: count for name, count in counts.items() if count}


def recover(slot: Slot, *, now: float, log: FilteringBoundLogger) -> Recovered:
    """Read all of `slot` and set aside what is not as it was written; `now` is Unix seconds.

    Raises:
        OSError: the folder cannot be read.

    """
    for name in slot.foreign():
        log.critical("spool_foreign_file", slot=str(slot.path), name=name)
    recovery = _Recovery(slot, now=now, log=log)
    segments = slot.segments()
    for number, suffix in segments:
        recovery.take(number, suffix)
    return recovery.recovered(highest=max((number for number, _ in segments), default=0))


class _Recovery:
    def __init__(self, slot: Slot, *, now: float, log: FilteringBoundLogger) -> None:
        self._slot = slot
        self._now = now
        self._log = log.bind(slot=str(slot.path))
        self._cursor = self._read_cursor() or Cursor(0, 0)
        self._backlog = Backlog()
        self._backlog.head = self._cursor.head
        self._before: Head | None = None
        """What the next record is to follow, None where that is not known."""
        self._last: tuple[int, int, Head] | None = None
        """The last record that could be read, and where it ends."""

    def take(self, number: int, suffix: str) -> None:
        """Read one segment, set it aside if it is damaged, and queue what is in it."""
        segment = Segment(number, suffix)
        if number < self._cursor.segment:
            self._finish(segment)
            return
        try:
            data = self._slot.read(number, suffix)
        except OSError as error:
            self._set_aside(segment, {"cause": error.strerror or str(error)})
            self._before = None
            return
        reading = read_segment(data)
        checked = self._check(reading.frames, done=self._cursor.offset if number == self._cursor.segment else 0)
        segment.size, segment.records, segment.heads = len(data) - reading.torn, len(reading.frames), checked.heads
        faults = dict(checked.faults(damaged=reading.damaged))
        if number == self._cursor.segment and segment.size < self._cursor.offset:
            faults["delivered_bytes_missing"] = self._cursor.offset - segment.size
        if faults and suffix == LOG:
            self._set_aside(segment, faults | ({"torn_bytes": reading.torn} if reading.torn else {}))
        self._before = checked.last if segment.suffix == LOG else None
        self._settle(segment, torn=reading.torn)
        self._queue(segment, reading.frames, checked)

    def recovered(self, *, highest: int) -> Recovered:
        """All that was taken."""
        head, cursor = self._cursor.head, self._cursor
        if self._last is not None and (head is None or self._last[:2] > (cursor.segment, cursor.offset)):
            head = self._last[2]
        return Recovered(self._backlog, head, max(highest, cursor.segment) + 1)

    def _check(self, frames: list[Frame], *, done: int) -> _Checked:
        """Follow the chain through `frames`, of which those up to `done` are delivered."""
        checked = _Checked(self._before)
        for frame in frames:
            try:
                sealed = unseal(frame.content)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                checked.strangers += 1
                checked.last = None
                continue
            checked.broken += not follows(sealed, checked.last)
            checked.last = Head.of(sealed)
            checked.heads[checked.last.boot] = checked.last.sequence
            if checked.since is None and frame.end > done:
                checked.since = _time(sealed.record.time)
        return checked

    def _settle(self, segment: Segment, *, torn: int) -> None:
        """Cut off what an interrupted write has left, and bring the rest to the disk, if it never got there."""
        try:
            self._slot.settle(segment.number, segment.suffix, size=segment.size if segment.suffix == LOG else None)
        except OSError as error:
            self._log.error("spool_segment_not_synced", segment=segment.number, cause=error.strerror)
        if torn and segment.suffix == LOG:
            self._log.warning("spool_tail_cut", segment=segment.number, bytes=torn)

    def _queue(self, segment: Segment, frames: list[Frame], checked: _Checked) -> None:
        if not frames:
            self._finish(segment)
            return
        if checked.last is not None:
            self._last = (segment.number, frames[-1].end, checked.last)
        segment.synced = segment.size
        self._backlog.add(segment, now=self._now if checked.since is None else checked.since)
        if segment.number == self._cursor.segment:
            done = [frame.end for frame in frames if frame.end <= self._cursor.offset]
            if done:
                self._backlog.pass_on(done[-1], len(done))

    def _finish(self, segment: Segment) -> None:
        """Nothing of it is to be delivered."""
        try:
            if segment.suffix == LOG:
                self._slot.remove(segment.number)
            else:
                self._slot.set_suffix(segment.number, segment.suffix, KEPT)
        except OSError as error:
            self._log.error("spool_segment_not_removed", segment=segment.number, cause=error.strerror)

    def _set_aside(self, segment: Segment, facts: Mapping[str, Any]) -> None:
        self._log.critical("spool_segment_damaged", segment=segment.number, **facts)
        try:
            self._slot.set_suffix(segment.number, segment.suffix, DAMAGED)
            segment.suffix = DAMAGED
        except OSError as error:
            self._log.error("spool_segment_not_set_aside", segment=segment.number, cause=error.strerror)

    def _read_cursor(self) -> Cursor | None:
        try:
            return self._slot.cursor()
        except (OSError, ValueError) as error:
            self._log.warning("spool_cursor_unreadable", cause=str(error))
            return None


def _time(text: str) -> float | None:
    try:
        return unix_seconds(text)
    except ValueError:
        return None
