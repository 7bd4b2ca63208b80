"""Frames: how records follow each other in a segment, so that what is torn or altered shows.

A segment is `HEADER` and frames; a frame is a byte that UTF-8 never has, four bytes with the length of the content,
four with the CRC-32 of length and content, and the content, which is JSON. As the first byte is in no content, the
frames behind a damaged one are found again.
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from pdp.core.contract.sealed import MAX_RECORD_BYTES

HEADER: Final = b"toolgate-spool-1\n"
OVERHEAD: Final = 9
"""Bytes of a frame beside its content."""
MAX_FRAME: Final = OVERHEAD + MAX_RECORD_BYTES

_MARK: Final = b"\xff"
_OPEN, _CLOSE = ord("{"), ord("}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One content, and where its frame begins and ends."""

    start: int
    end: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: `damaged` bytes belong to no frame; of the last frame only the first `torn` bytes are there."""

    frames: list[Frame]
    damaged: int = 0
    torn: int = 0


def frame(content: bytes) -> bytes:
    """The frame of `content`, a JSON object in UTF-8."""
    length = len(content).to_bytes(4, "big")
    return b"".join((_MARK, length, crc32(content, crc32(length)).to_bytes(4, "big"), content))


def read_segment(data: bytes) -> Reading:
    """The frames of a whole segment, whose header is to be there."""
    if data.startswith(HEADER):
        return read_frames(data, start=len(HEADER))
    if HEADER.startswith(data) or not data.strip(b"\0"):
        return Reading([], torn=len(data))
    found = read_frames(data)
    return Reading(found.frames, found.damaged + found.torn)


def read_frames(data: bytes, *, start: int = 0) -> Reading:
    """Every frame of `data` from `start` on; damage ends where the next frame begins."""
    frames: list[Frame] = []
    damaged, at = 0, start
    while at < len(data):
        found = frame_at(data, at)
        if found is None:
            found = _next_frame(data, at + 1)
            if found is None:
                rest = len(data) - at
                return Reading(frames, damaged, rest) if _is_torn(data, at) else Reading(frames, damaged + rest)
            damaged += found.start - at
        frames.append(found)
        at = found.end
    return Reading(frames, damaged)


def whole_frames(data: bytes) -> list[Frame]:
    """The frames that `data` begins with."""
    frames: list[Frame] = []
    at = 0
    while (found := frame_at(data, at)) is not None:
        frames.append(found)
        at = found.end
    return frames


def frame_at(data: bytes, at: int) -> Frame | None:
    """The frame that begins at `at`, None where none does."""
    if data[at : at + 1] != _MARK or len(data) < at + OVERHEAD:
        return None
    length, body = data[at + 1 : at + 5], at + OVERHEAD
    end = body + int.from_bytes(length, "big")
    # The braces first: where frames are looked for in damage, they spare most of the checksums.
    if not body < end <= min(len(data), at + MAX_FRAME) or data[body] != _OPEN or data[end - 1] != _CLOSE:
        return None
    content = data[body:end]
    if crc32(content, crc32(length)) != int.from_bytes(data[at + 5 : body], "big"):
        return None
    return Frame(at, end, content)


def _next_frame(data: bytes, at: int) -> Frame | None:
    while (at := data.find(_MARK, at)) >= 0:
        found = frame_at(data, at)
        if found is not None:
            return found
        at += 1
    return None


def _is_torn(data: bytes, at: int) -> bool:
    """Whether what is left is what a write that was interrupted leaves: the beginning of a frame, or zeros."""
    if data[at : at + 1] != _MARK:
        return not data[at:].strip(b"\0")
    length = int.from_bytes(data[at + 1 : at + 5], "big")
    return len(data) < at + OVERHEAD or (length <= MAX_RECORD_BYTES and len(data) < at + OVERHEAD + length)
