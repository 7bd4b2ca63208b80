"""The files of policy tests under the paths that a command line names."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError

_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_MAX_BYTES: Final = 1024 * 1024


def read_files(paths: Iterable[Path]) -> Mapping[str, bytes]:
    """Every file of `paths`, and in directories every `.yaml` and `.yml` that is not hidden.

    Raises:
        UnusableError: one is missing or unreadable, or there is none at all.

    """
    wanted = list(paths)
    found = {str(file): _read(file) for path in wanted for file in _files(path)}
    if not found:
        places = ", ".join(f"`{path}`" for path in wanted)
        raise UnusableError(f"there are no policy tests in {places}: write one, as docs/testing-policies.md shows")
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise UnusableError(f"there is no `{path}`: name a file or directory of policy tests")
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in _SUFFIXES and not hidden and file.is_file():
            yield file


def _read(file: Path) -> bytes:
    """One byte more than a document may have, for its reader to refuse."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UnusableError(f"`{file}` cannot be read: {error.strerror}") from error
