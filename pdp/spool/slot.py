"""One slot of a spool's folder: the files of one process at a time, private, and locked while it has them."""

import fcntl
import os
import re
import stat
from pathlib import Path
from typing import Final, Self

import msgspec

from pdp.spool.chain import Head
from pdp.spool.disk import Disk, SystemDisk
from pdp.spool.frame import frame, frame_at

LOG: Final = "log"
DAMAGED: Final = "damaged"
"""The suffix of a segment that is not as it was written, and not delivered yet as far as it can be read."""
KEPT: Final = "damaged.shipped"
"""The suffix of one that is."""
REFUSED: Final = "refused.log"
"""The records that nobody takes, a line each."""

_CURSOR: Final = "cursor"
_NEW_CURSOR: Final = "cursor.new"
_CHECK: Final = "check"
_SEGMENT: Final = re.compile(r"([0-9]{8})\.(log|damaged)", re.ASCII)
_A_SPOOLS: Final = re.compile(r"[0-9]{8}\.(log|damaged|damaged\.shipped)", re.ASCII)
_OWN: Final = frozenset({REFUSED, _CURSOR, _NEW_CURSOR, _CHECK})
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHECK_BYTES: Final = 4096


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a slot is delivered: up to `offset` in segment `segment`, whose last record then is `head`."""

    segment: int
    offset: int
    head: Head | None = None


class HeldElsewhereError(Exception):
    """Another process has the slot."""


class Slot:
    """The files of the folder `path`, made where there is none; any of its methods raises OSError.

    Raises:
        HeldElsewhereError: another process has it.
        OSError: it cannot be opened, is a link or belongs to somebody else.

    """

    def __init__(self, path: Path, *, disk: Disk | None = None) -> None:
        self.path = path
        self.disk: Disk = disk or SystemDisk()
        path.mkdir(mode=0o700, exist_ok=True)
        self._folder = os.open(path, _FOLDER)
        try:
            self._own()
        except BaseException:
            os.close(self._folder)
            raise

    def _own(self) -> None:
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HeldElsewhereError(str(self.path)) from error
        status = os.fstat(self._folder)
        if status.st_uid != os.geteuid():
            raise PermissionError(f"`{self.path}` belongs to somebody else")
        if stat.S_IMODE(status.st_mode) & 0o077:
            os.fchmod(self._folder, 0o700)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others have it."""
        os.close(self._folder)

    def segments(self) -> list[tuple[int, str]]:
        """Number and suffix of every segment that is to be delivered, by number."""
        names = map(_SEGMENT.fullmatch, self._names())
        return sorted((int(match[1]), match[2]) for match in names if match is not None)

    def foreign(self) -> list[str]:
        """The names of what no spool puts here, sorted."""
        return sorted(name for name in self._names() if name not in _OWN and not _A_SPOOLS.fullmatch(name))

    def _names(self) -> list[str]:
        # Not by the path, which may name another folder by now.
        return os.listdir(self._folder)  # noqa: PTH208

    def create(self, number: int) -> int:
        """A new segment; the descriptor to append to it."""
        return os.open(_name(number, LOG), _NEW | os.O_EXCL, 0o600, dir_fd=self._folder)

    def settle(self, number: int, suffix: str, *, size: int | None) -> None:
        """Cut a segment to `size` bytes, where given, and return once it is on the disk under its name."""
        descriptor = self._regular(_name(number, suffix), os.O_WRONLY)
        try:
            if size is not None and os.fstat(descriptor).st_size > size:
                self.disk.cut(descriptor, size)
            self.disk.sync(descriptor)
        finally:
            os.close(descriptor)
        self.sync()

    def read(self, number: int, suffix: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Up to `size` bytes of a segment from `offset` on; without it, all of them."""
        descriptor = self._regular(_name(number, suffix), os.O_RDONLY)
        try:
            left = os.fstat(descriptor).st_size - offset if size is None else size
            pieces: list[bytes] = []
            while left > 0 and (piece := os.pread(descriptor, left, offset)):
                pieces.append(piece)
                left -= len(piece)
                offset += len(piece)
            return b"".join(pieces)
        finally:
            os.close(descriptor)

    def set_suffix(self, number: int, before: str, after: str) -> None:
        """Give a segment another suffix."""
        os.rename(_name(number, before), _name(number, after), src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self.sync()

    def remove(self, number: int) -> None:
        """Remove a segment that was delivered."""
        os.unlink(_name(number, LOG), dir_fd=self._folder)

    def sync(self) -> None:
        """Return once the names of the files are on the disk."""
        self.disk.sync(self._folder)

    def cursor(self) -> Cursor | None:
        """How far it is delivered, None where that is not known.

        Raises:
            ValueError: the file that says so cannot be read.

        """
        try:
            descriptor = self._regular(_CURSOR, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            found = frame_at(os.read(descriptor, _CHECK_BYTES), 0)
            if found is None:
                raise ValueError("the cursor is damaged")
            return msgspec.json.decode(found.content, type=Cursor)
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error
        finally:
            os.close(descriptor)

    def keep_cursor(self, cursor: Cursor) -> None:
        """Remember how far it is delivered."""
        descriptor = os.open(_NEW_CURSOR, _NEW | os.O_TRUNC, 0o600, dir_fd=self._folder)
        try:
            self._write(descriptor, frame(msgspec.json.encode(cursor)))
        finally:
            os.close(descriptor)
        # A power cut may leave an older one, or one that is none; both repeat records.
        os.replace(_NEW_CURSOR, _CURSOR, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def keep_refused(self, content: bytes) -> None:
        """Put aside a record that nobody takes; on the disk when this returns."""
        descriptor = os.open(REFUSED, _NEW, 0o600, dir_fd=self._folder)
        try:
            size = os.fstat(descriptor).st_size
            # What an interrupted write has left is a line of its own.
            ends = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
            self._write(descriptor, (b"" if ends else b"\n") + content + b"\n")
            self.disk.sync(descriptor)
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Write something that is no record."""
        descriptor = os.open(_CHECK, _NEW | os.O_TRUNC, 0o600, dir_fd=self._folder)
        try:
            self._write(descriptor, bytes(_CHECK_BYTES))
            self.disk.sync(descriptor)
        finally:
            os.close(descriptor)
            os.unlink(_CHECK, dir_fd=self._folder)

    def _write(self, descriptor: int, data: bytes) -> None:
        while data:
            data = data[self.disk.write(descriptor, data) :]

    def _regular(self, name: str, flags: int) -> int:
        # Non-blocking, since to open a pipe waits for somebody at its other end.
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"`{name}` is no file")
        return descriptor


def _name(number: int, suffix: str) -> str:
    return f"{number:08}.{suffix}"
