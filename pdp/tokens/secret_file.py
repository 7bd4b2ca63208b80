"""Files that hold a secret: created whole with mode 0600, refused where others can read them."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError

_MAX_BYTES: Final = 64 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path) -> bytes:
    """The content of `path`.

    Raises:
        FileNotFoundError: there is no such file.
        UnusableError: it is no regular file, too large, unreadable, or group or others have rights on it.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be read: {error.strerror}") from error
    try:
        # The mode of the open file, not of the name: it cannot be swapped in between.
        _check(os.fstat(descriptor), path)
        content = os.read(descriptor, _MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MAX_BYTES:
        raise UnusableError(f"`{path}` is larger than {_MAX_BYTES} bytes")
    return content


def obtain_secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of `path`; where there is none, `make()` is written there first.

    Of several processes that do this at once, one writes and all read the same.

    Raises:
        UnusableError: as `read_secret`, or the file cannot be created.

    """
    try:
        return read_secret(path)
    except FileNotFoundError:
        _create(path, make())
    return read_secret(path)


def _check(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnusableError(f"`{path}` is not a regular file")
    if status.st_mode & _OTHERS:
        raise UnusableError(f"`{path}` holds a secret that others can read: run `chmod 600 {path}`")


def _create(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was first, and its secret is the one
        finally:
            Path(temporary).unlink()
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be created: {error.strerror}") from error
