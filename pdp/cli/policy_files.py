"""Files of policies that a command line names: found, read and rewritten in place."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError
from pdp.core.engine.syntax.reading import MAX_FILE_BYTES

_SUFFIX: Final = ".cedar"


def policy_files(paths: Iterable[Path]) -> list[Path]:
    """Every file of `paths`, and in directories every `.cedar` that is not hidden, once, sorted.

    Raises:
        UnusableError: one is missing, or there is none at all.

    """
    wanted = list(paths)
    found = sorted({file for path in wanted for file in _files(path)})
    if not found:
        places = ", ".join(f"`{path}`" for path in wanted)
        raise UnusableError(f"there are no policies in {places}: name files, or directories with `*{_SUFFIX}`")
    return found


def read_policies(file: Path) -> bytes:
    """The content of `file`; one byte more than a file of policies may have, for its reader to refuse.

    Raises:
        UnusableError: it is a link or no regular file, or it cannot be read.

    """
    try:
        _regular(file)
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnusableError(f"`{file}` cannot be read: {error.strerror}") from error


def rewrite(file: Path, content: bytes) -> None:
    """Make `content` that of `file` at once and whole; its mode stays, and its owner where we may say so.

    Raises:
        UnusableError: it is a link or no regular file, or it cannot be written.

    """
    temporary: Path | None = None
    try:
        status = _regular(file)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(content)
            with contextlib.suppress(PermissionError):
                os.fchown(stream.fileno(), status.st_uid, status.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(status.st_mode))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise UnusableError(f"`{file}` cannot be written: {error.strerror}") from error


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise UnusableError(f"there is no `{path}`: name a file or directory of policies")
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder) / name for name in names if name.endswith(_SUFFIX) and not name.startswith("."))


def _regular(file: Path) -> os.stat_result:
    """INVARIANT: no link is followed, so that nothing outside of the named places is read or written."""
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise UnusableError(f"`{file}` is a link or no regular file: name the file itself")
    return status
