"""The folder of snapshots: read for one server, written one whole file at a time, nothing beside it touched."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.catalog.definitions.definition import Definition
from pdp.core.catalog.definitions.snapshot import SCHEMAS, read_snapshot, snapshot_bytes, snapshot_path
from pdp.core.contract.errors import ConfigurationError, UnusableError

MAX_FILE: Final = 4 * 1024 * 1024

_SUFFIX: Final = ".json"


def reference_of(definition: Definition) -> str:
    """What a definition is called on the command line: its snapshot's path below `schemas/` without `.json`.

    INVARIANT: printable ASCII without white space, whatever the server calls it, and one for each definition.
    """
    path = snapshot_path(definition.kind, server=definition.server, name=definition.name)
    return path.removeprefix(f"{SCHEMAS}/").removesuffix(_SUFFIX)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """What is approved of one server, by reference; `broken` says what is wrong with files that cannot be used."""

    approved: Mapping[str, Definition]
    broken: Mapping[str, str]


class SnapshotFolder:
    """The snapshots below `root`, which itself may be a link; nothing below it may be."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, server: str) -> Snapshots:
        """The snapshots of `server`.

        Raises:
            UnusableError: its folder, or one in it, is a link.

        """
        approved: dict[str, Definition] = {}
        broken: dict[str, str] = {}
        for folder in (self._root / server, *_folders(self._root / server)):
            self._check_place(folder)
        for path in _files(self._root / server):
            place = path.relative_to(self._root).as_posix()
            reference = place.removesuffix(_SUFFIX)
            try:
                approved[reference] = read_snapshot(f"{SCHEMAS}/{place}", _content(path))
            except ConfigurationError as error:
                broken[reference] = "; ".join(problem.message for problem in error.problems)
            except ValueError as error:
                broken[reference] = str(error)
            except OSError as error:
                broken[reference] = f"the file cannot be read: {error.strerror}"
        return Snapshots(approved, broken)

    def write(self, definition: Definition) -> None:
        """Put the snapshot of `definition` in its place, whole or not at all.

        Raises:
            UnusableError: the place is not below the folder, or cannot be written.

        """
        path = self._path(reference_of(definition))
        self._check_place(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, snapshot_bytes(definition))
        except OSError as error:
            raise UnusableError(f"`{path}` cannot be written: {error.strerror}") from error

    def remove(self, reference: str) -> None:
        """Remove the snapshot, which is there.

        Raises:
            UnusableError: the place is not below the folder, or cannot be written.

        """
        path = self._path(reference)
        self._check_place(path)
        try:
            path.unlink()
        except OSError as error:
            raise UnusableError(f"`{path}` cannot be removed: {error.strerror}") from error

    def _path(self, reference: str) -> Path:
        return self._root / f"{reference}{_SUFFIX}"

    def _check_place(self, path: Path) -> None:
        """Return when the way from the folder to `path` leads through no link and not upwards."""
        below = path.relative_to(self._root)
        if ".." in below.parts:
            raise UnusableError(f"`{path}` is not below `{self._root}`")
        for part in (*reversed(below.parents), below):
            place = self._root / part
            if part != Path() and place.is_symlink():
                raise UnusableError(f"`{place}` is a link: remove it, snapshots are kept below `{self._root}` alone")


def _folders(folder: Path) -> Iterator[Path]:
    for place, folders, _ in os.walk(folder):
        yield from (Path(place) / name for name in folders)


def _files(folder: Path) -> Iterator[Path]:
    """The files that a decision point takes for snapshots (pdp/lifecycle/directory.py reads the same)."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_SUFFIX) and not name.startswith("."):
                yield Path(place) / name


def _content(path: Path) -> bytes:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("a snapshot must be a regular file, not a link")
    if status.st_size > MAX_FILE:
        raise ValueError(f"a snapshot has at most {MAX_FILE} bytes")
    return path.read_bytes()


def _replace(path: Path, content: bytes) -> None:
    """Write beside `path` and rename, so that nobody ever reads a part."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise
