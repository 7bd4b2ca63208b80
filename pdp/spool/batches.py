"""Batches: what goes to a sink at once, read from a segment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pdp.spool.backlog import Segment
from pdp.spool.frame import HEADER, MAX_FRAME, Frame, frame_at, read_frames
from pdp.spool.slot import LOG, Slot

MAX_RECORDS: Final = 250
MAX_BYTES: Final = 1024 * 1024

_CHUNK: Final = MAX_FRAME + 64 * 1024
"""INVARIANT: where a frame is whole, it is so within a chunk that begins with it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames with their places in the segment; before them `damaged` bytes are none.

    `end` is how far there is nothing else to deliver, None where there may be.
    """

    frames: Sequence[Frame]
    damaged: int = 0
    end: int | None = None


def next_batch(slot: Slot, segment: Segment, offset: int) -> Batch:
    """What comes at `offset` of `segment`, as far as that is on the disk.

    Raises:
        OSError: it cannot be read now.

    """
    try:
        if segment.suffix == LOG:
            begin = max(offset, len(HEADER))
            size = min(_CHUNK, segment.synced - begin)
            frames = _first_frames(slot.read(segment.number, segment.suffix, offset=begin, size=size))
            if frames:
                return Batch(_moved(frames, by=begin))
        return _beyond_damage(slot, segment, offset)
    except FileNotFoundError:
        return Batch((), segment.synced - offset, segment.synced)


def _beyond_damage(slot: Slot, segment: Segment, offset: int) -> Batch:
    data = slot.read(segment.number, segment.suffix, offset=offset, size=segment.synced - offset)
    frames = _moved(read_frames(data).frames, by=offset)
    taken = _limited(frames)
    if not taken:
        return Batch((), segment.synced - offset, segment.synced)
    end = segment.synced if len(taken) == len(frames) else None
    return Batch(taken, taken[0].start - offset, end)


def _first_frames(data: bytes) -> list[Frame]:
    frames: list[Frame] = []
    at = 0
    while len(frames) < MAX_RECORDS and (found := frame_at(data, at)) is not None:
        if frames and found.end > MAX_BYTES:
            break
        frames.append(found)
        at = found.end
    return frames


def _limited(frames: Sequence[Frame]) -> Sequence[Frame]:
    most, size = 0, 0
    for frame in frames[:MAX_RECORDS]:
        size += len(frame.content)
        if most and size > MAX_BYTES:
            break
        most += 1
    return frames[:most]


def _moved(frames: Sequence[Frame], *, by: int) -> list[Frame]:
    return [Frame(frame.start + by, frame.end + by, frame.content) for frame in frames]
