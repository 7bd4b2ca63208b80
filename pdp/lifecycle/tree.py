"""A tree of source files on this machine, walked by what was opened: a name may lead elsewhere a moment later."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.bundle.content import LIMITS, shown
from pdp.core.contract.errors import Problem

MAX_DEPTH: Final = 32
"""Folders within each other."""
MAX_ENTRIES: Final = 200_000
"""Files and folders of any kind that are looked at."""

# Not to follow a link, nor to wait for who writes into a pipe.
_CAREFULLY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class File:
    """A source file: its path in the bundle; its status and what to open it by, while it is walked past."""

    name: str
    status: os.stat_result
    entry: str
    folder: int


def walk(root: Path, name: str, *, suffixes: tuple[str, ...]) -> Iterator[File | Problem]:
    """Every file below `root` that ends so, under its path below `name`, and everything there that cannot be one.

    A file can be read until the next one is asked for. What is hidden is passed over.
    """
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield Problem(str(root), 0, 0, "directory_missing", f"there is no directory for `{name}`")
        return
    except OSError as error:
        yield Problem(str(root), 0, 0, "unreadable", f"the folder cannot be read: {error.strerror}")
        return
    try:
        yield from _Walk(suffixes).within(folder, name, depth=MAX_DEPTH)
    finally:
        os.close(folder)


class _Walk:
    """One walk through a tree; counts what it passes."""

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        self._suffixes = suffixes
        self._seen = 0

    def within(self, folder: int, path: str, *, depth: int) -> Iterator[File | Problem]:
        """Every source file in the opened `folder`, and everything that cannot be one."""
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    self._seen += 1
                    if self._seen > MAX_ENTRIES:
                        yield _problem("", "too_many_files", f"more than {MAX_ENTRIES} files and folders")
                        return
                    if not entry.name.startswith("."):
                        entries.append(entry)
        except OSError as error:
            yield _problem(path, "unreadable", f"the folder cannot be read: {error.strerror}")
            return
        for entry in sorted(entries, key=lambda one: one.name):
            yield from self._at(entry, folder, f"{path}/{entry.name}", depth=depth)

    def _at(self, entry: "os.DirEntry[str]", folder: int, path: str, *, depth: int) -> Iterator[File | Problem]:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # gone since
        if stat.S_ISDIR(status.st_mode):
            yield from self._entered(entry, folder, path, depth=depth)
        elif entry.name.endswith(self._suffixes):
            yield File(path, status, entry.name, folder)
        elif _leads_to_folder(entry, status):
            yield _problem(path, "not_a_file", "a folder of sources must not be a link")

    def _entered(self, entry: "os.DirEntry[str]", folder: int, path: str, *, depth: int) -> Iterator[File | Problem]:
        if depth == 0:
            yield _problem(path, "too_deep", f"at most {MAX_DEPTH} folders lie within each other")
            return
        try:
            inner = os.open(entry.name, _CAREFULLY | os.O_DIRECTORY, dir_fd=folder)
        except OSError as error:
            yield _problem(path, "unreadable", f"the folder cannot be read: {error.strerror}")
            return
        try:
            yield from self.within(inner, path, depth=depth - 1)
        finally:
            os.close(inner)


def _leads_to_folder(entry: "os.DirEntry[str]", status: os.stat_result) -> bool:
    try:
        return stat.S_ISLNK(status.st_mode) and entry.is_dir()
    except OSError:
        return False


def content_of(file: File) -> bytes | Problem:
    """The bytes of `file`, or why it has none."""
    not_regular = _problem(file.name, "not_a_file", "a source must be a regular file, not a link")
    if not stat.S_ISREG(file.status.st_mode):
        return not_regular  # unopened, since that alone does something to a device
    try:
        descriptor = os.open(file.entry, _CAREFULLY, dir_fd=file.folder)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return not_regular
            content = opened.read(LIMITS.max_file_bytes + 1)
    except OSError as error:
        return _problem(file.name, "unreadable", f"the file cannot be read: {error.strerror}")
    if len(content) > LIMITS.max_file_bytes:
        return _problem(file.name, "too_large", f"a source has at most {LIMITS.max_file_bytes} bytes")
    return content


def _problem(path: str, code: str, message: str) -> Problem:
    return Problem(shown(path), 0, 0, code, message)
