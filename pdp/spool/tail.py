"""The end of a spool: where groups of frames are written, and brought to the disk."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pdp.spool.backlog import Segment
from pdp.spool.frame import HEADER
from pdp.spool.slot import Slot


@dataclass(frozen=True, slots=True)
class Written:
    """`frames` more are in `segment`, which has `size` bytes more."""

    segment: Segment
    size: int
    frames: int


class NotWrittenError(Exception):
    """A group is not written, but for what is `kept` of it: frames at its beginning that could not be taken back."""

    def __init__(self, cause: str, *, kept: Written | None = None) -> None:
        self.kept = kept
        super().__init__(cause)


class Tail:
    """Writes to the newest segment of `slot`, from number `number` on; a segment takes up to `segment_bytes`.

    `write` and `abandon` belong to one thread, `sync` may run in another one meanwhile.
    """

    def __init__(self, slot: Slot, *, number: int, segment_bytes: int) -> None:
        self._slot = slot
        self._next = number
        self._segment_bytes = segment_bytes
        self._open: dict[Segment, int] = {}
        self._named: set[Segment] = set()
        self._newest: Segment | None = None

    @property
    def unsynced(self) -> list[tuple[Segment, int]]:
        """Segments of which not all is on the disk, and how much each has by now."""
        return [(segment, segment.size) for segment in self._open if segment.synced < segment.size]

    def write(self, frames: Sequence[bytes]) -> Written:
        """Append `frames` with one write.

        Raises:
            NotWrittenError: they are not there.

        """
        segment = self._segment()
        data = b"".join(frames) if segment.size else b"".join((HEADER, *frames))
        written = 0
        try:
            while written < len(data):
                written += self._slot.disk.write(self._open[segment], data[written:] if written else data)
        except OSError as error:
            kept = self._take_back(segment, frames, written)
            raise NotWrittenError(_cause(error), kept=kept) from error
        segment.size += len(data)
        if segment.size >= self._segment_bytes:
            self.abandon()
        return Written(segment, len(data), len(frames))

    def sync(self, sizes: Sequence[tuple[Segment, int]]) -> None:
        """Return once as much of each segment is on the disk, under its name.

        Raises:
            OSError: it may not be.

        """
        for segment, _ in sizes:
            self._slot.disk.sync(self._open[segment])
        if not self._named.issuperset(segment for segment, _ in sizes):
            self._slot.sync()

    def synced(self, sizes: Sequence[tuple[Segment, int]]) -> None:
        """Take note of what `sync` did."""
        for segment, size in sizes:
            segment.synced = size
            self._named.add(segment)
        self._close_synced()

    def distrust(self, sizes: Sequence[tuple[Segment, int]]) -> None:
        """Write no more to segments that could not be synced, and hope no more that they will be."""
        for segment, _ in sizes:
            if segment is self._newest:
                self.abandon()
            segment.synced = segment.size
        self._close_synced()

    def abandon(self) -> None:
        """Write no more to the newest segment."""
        if self._newest is not None:
            self._newest.is_open = False
            if self._newest.size == self._newest.synced:
                self._close(self._newest)
            self._newest = None

    def close(self) -> None:
        """Close the files."""
        self.abandon()
        for segment in list(self._open):
            self._close(segment)

    def _segment(self) -> Segment:
        if self._newest is None:
            try:
                descriptor = self._slot.create(self._next)
            except OSError as error:
                raise NotWrittenError(_cause(error)) from error
            finally:
                self._next += 1  # also where a file of that number is there, which is not this process's
            self._newest = Segment(self._next - 1, is_open=True)
            self._open[self._newest] = descriptor
        return self._newest

    def _take_back(self, segment: Segment, frames: Sequence[bytes], written: int) -> Written | None:
        """Cut off what was written; where that fails, keep its whole frames and end the segment there."""
        try:
            self._slot.disk.cut(self._open[segment], segment.size)
        except OSError:
            whole, end = 0, 0 if segment.size else len(HEADER)
            for one in frames:
                if end + len(one) > written:
                    break
                whole, end = whole + 1, end + len(one)
            segment.size += end if whole else 0
            self.abandon()
            return Written(segment, end, whole) if whole else None
        return None

    def _close_synced(self) -> None:
        for segment in [one for one in self._open if not one.is_open and one.synced == one.size]:
            self._close(segment)

    def _close(self, segment: Segment) -> None:
        self._named.discard(segment)
        with suppress(OSError):
            os.close(self._open.pop(segment))


def _cause(error: OSError) -> str:
    return error.strerror or type(error).__name__
