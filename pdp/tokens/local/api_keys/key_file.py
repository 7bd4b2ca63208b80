"""The file of API keys: read when it changed, written whole, refused where others could write it."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from pdp.core.contract.errors import UnusableError
from pdp.tokens.local.api_keys.entry import KeyEntry, read_entries, write_entries

MAX_FILE_BYTES: Final = 1024 * 1024

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH

Stamp: TypeAlias = tuple[int, int, int, int, int]
"""What tells one state of the file from another: device, inode, size, times of change of content and mode."""


class KeyFile:
    """The keys in the file at `path`; its methods block."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> Stamp:
        """Which state the file is in.

        Raises:
            UnusableError: there is none.

        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return _stamp(status)

    def read(self) -> tuple[Stamp, tuple[KeyEntry, ...]]:
        """The keys, and the state of the file that has them.

        Raises:
            UnusableError: it cannot be read, is no regular file or too large, or others may write it.
            ConfigurationError: it is no file of keys.

        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            status = os.fstat(descriptor)
            self._check(status)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_FILE_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > MAX_FILE_BYTES:
            raise UnusableError(f"`{self.path}` is larger than {MAX_FILE_BYTES} bytes")
        return _stamp(status), read_entries(content, file=str(self.path))

    def change(self, change: Callable[[Sequence[KeyEntry]], Sequence[KeyEntry]]) -> None:
        """Replace the keys by what `change` makes of them; others who do so meanwhile wait.

        Raises:
            UnusableError: as `read`, or the file cannot be written.
            ConfigurationError: as `read`.

        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnusableError(f"`{self.path}` cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self.read()[1] if self.path.exists() else ()
            self._replace(write_entries(change(before)))
        finally:
            os.close(lock)

    def _replace(self, content: bytes) -> None:
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(self.path)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise UnusableError(f"`{self.path}` cannot be written: {error.strerror}") from error

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise UnusableError(f"`{self.path}` is not a regular file")
        if status.st_mode & _OTHERS_WRITE:
            raise UnusableError(f"`{self.path}` says who may come in and others can write it: run `chmod 600` on it")
        if status.st_uid not in {0, os.geteuid()}:
            raise UnusableError(f"`{self.path}` says who may come in and belongs to another user")

    def _unreadable(self, error: OSError) -> UnusableError:
        if isinstance(error, FileNotFoundError):
            return UnusableError(f"there is no `{self.path}`: `toolgate keys create` makes it")
        return UnusableError(f"`{self.path}` cannot be read: {error.strerror}")


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
