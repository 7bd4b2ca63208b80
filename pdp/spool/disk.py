"""What a spool asks of a disk beside names: the calls that fail when it is full or broken."""

import errno
import os
from typing import Protocol


class Disk(Protocol):
    """Writes to open files; any of its methods raises OSError."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Append the first bytes of `data`, and say how many."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return once what was written is on the disk."""
        ...

    def cut(self, descriptor: int, size: int) -> None:
        """Take away what is behind the first `size` bytes."""
        ...


class SystemDisk:
    """The disk of this machine."""

    def write(self, descriptor: int, data: bytes) -> int:
        """Append the first bytes of `data`, and say how many."""
        written = os.write(descriptor, data)
        if not written and data:  # whoever writes the rest would try for ever
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return written

    def sync(self, descriptor: int) -> None:
        """Return once what was written is on the disk."""
        os.fsync(descriptor)

    def cut(self, descriptor: int, size: int) -> None:
        """Take away what is behind the first `size` bytes."""
        os.ftruncate(descriptor, size)
