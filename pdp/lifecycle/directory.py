"""Bundle sources in two directories of this machine."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pdp.core.bundle.content import LIMITS
from pdp.core.contract.digest import digest
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.lifecycle.source import Sighting

_SUFFIXES: Final = {"policies": (".cedar", ".yaml"), "schemas": (".json",)}


class DirectorySource:
    """Reads `policies` and `schemas`; hidden files and other kinds of file are not sources."""

    def __init__(self, *, policies: Path, schemas: Path) -> None:
        self._roots = {"policies": policies, "schemas": schemas}

    @property
    def name(self) -> str:
        """The two directories."""
        return " and ".join(str(root) for root in self._roots.values())

    def path_of(self, name: str) -> Path:
        """Where the source file `name` of the bundle is on this machine."""
        root, _, rest = name.partition("/")
        return self._roots[root] / rest if root in self._roots and rest else Path(name)

    def look(self) -> Sighting:
        """Every source file's name, size, inode and time of change, digested."""
        return Sighting(
            digest(
                [
                    [str(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
                    for name, root in sorted(self._roots.items())
                    for path in _files(root, _SUFFIXES[name])
                    if (status := _status(path)) is not None
                ]
            )
        )

    def fetch(self, seen: Sighting | None = None) -> Mapping[str, bytes]:  # noqa: ARG002 - what is there now
        """Every source file under its path in the bundle.

        Raises:
            ConfigurationError: a directory is missing, a file is a link, no regular file or over the limit.

        """
        problems: list[Problem] = []
        found: dict[str, bytes] = {}
        for name, root in self._roots.items():
            if not root.is_dir():
                problems.append(Problem(str(root), 0, 0, "directory_missing", f"there is no directory for `{name}`"))
                continue
            for path in _files(root, _SUFFIXES[name]):
                if len(found) > LIMITS.max_files:
                    text = f"a bundle has at most {LIMITS.max_files} files"
                    raise ConfigurationError([*problems, Problem(str(root), 0, 0, "too_many_files", text)])
                _read(path, f"{name}/{path.relative_to(root).as_posix()}", found, problems)
        if problems:
            raise ConfigurationError(problems)
        return found


def _files(root: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(suffixes) and not name.startswith("."):
                yield Path(folder) / name


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _read(path: Path, name: str, found: dict[str, bytes], problems: list[Problem]) -> None:
    try:
        # Not to follow a link, nor to wait for who writes into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            problems.append(Problem(name, 0, 0, "not_a_file", "a source must be a regular file, not a link"))
        else:
            problems.append(Problem(name, 0, 0, "unreadable", f"the file cannot be read: {error.strerror}"))
        return
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            problems.append(Problem(name, 0, 0, "not_a_file", "a source must be a regular file, not a link"))
            return
        content = file.read(LIMITS.max_file_bytes + 1)
    if len(content) > LIMITS.max_file_bytes:
        problems.append(Problem(name, 0, 0, "too_large", f"a source has at most {LIMITS.max_file_bytes} bytes"))
    else:
        found[name] = content
