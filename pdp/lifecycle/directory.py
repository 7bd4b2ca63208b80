"""Bundle sources in two directories of this machine."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pdp.core.contract.digest import digest
from pdp.core.contract.errors import ConfigurationError, Problem

MAX_FILE: Final = 4 * 1024 * 1024
MAX_FILES: Final = 50_000
_SUFFIXES: Final = {"policies": (".cedar", ".yaml"), "schemas": (".json",)}


class DirectorySource:
    """Reads `policies` and `schemas`; hidden files and other kinds of file are not sources."""

    def __init__(self, *, policies: Path, schemas: Path) -> None:
        self._roots = {"policies": policies, "schemas": schemas}

    def path_of(self, name: str) -> Path:
        """Where the source file `name` of the bundle is on this machine."""
        root, _, rest = name.partition("/")
        return self._roots[root] / rest if root in self._roots and rest else Path(name)

    def fingerprint(self) -> str:
        """Every source file's name, size, inode and time of change, digested."""
        return digest(
            [
                [str(path), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
                for name, root in sorted(self._roots.items())
                for path in _files(root, _SUFFIXES[name])
                if (status := _status(path)) is not None
            ]
        )

    def fetch(self) -> Mapping[str, bytes]:
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
                _read(path, f"{name}/{path.relative_to(root).as_posix()}", found, problems)
        if len(found) > MAX_FILES:
            problems.append(Problem("policies", 0, 0, "too_many_files", f"more than {MAX_FILES} files"))
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
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            problems.append(Problem(name, 0, 0, "not_a_file", "a source must be a regular file, not a link"))
        elif status.st_size > MAX_FILE:
            problems.append(Problem(name, 0, 0, "too_large", f"a source has at most {MAX_FILE} bytes"))
        else:
            found[name] = path.read_bytes()
    except OSError as error:
        problems.append(Problem(name, 0, 0, "unreadable", f"the file cannot be read: {error.strerror}"))
