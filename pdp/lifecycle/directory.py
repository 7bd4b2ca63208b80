"""Bundle sources in two directories of this machine."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pdp.core.bundle.content import LIMITS, problems_in_files
from pdp.core.contract.digest import digest
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.lifecycle.source import Sighting, SourceError
from pdp.lifecycle.tree import File, content_of, walk

_SUFFIXES: Final = {"policies": (".cedar", ".yaml"), "schemas": (".json",)}
_READINGS: Final = 3


class DirectorySource:
    """Reads `policies` and `schemas`; hidden files and other kinds of file are not sources."""

    def __init__(self, *, policies: Path, schemas: Path) -> None:
        self._roots = {"policies": policies, "schemas": schemas}
        self._last = ""

    @property
    def name(self) -> str:
        """The two directories."""
        return " and ".join(str(root) for root in self._roots.values())

    def path_of(self, name: str) -> Path:
        """Where the source file `name` of the bundle is on this machine."""
        root, _, rest = name.partition("/")
        return self._roots[root] / rest if root in self._roots and rest else Path(name)

    def look(self) -> Sighting:
        """Every source file's name, size, inode and times of change, digested.

        What was changed twice within one tick of the file system's clock has the same times, so what is seen for the
        first time is seen as something else the second time, and read once more.
        """
        state = self._state()
        is_first, self._last = state != self._last, state
        return Sighting(digest([state, is_first]))

    def fetch(self, seen: Sighting | None = None) -> Mapping[str, bytes]:  # noqa: ARG002 - what is there now
        """Every source file under its path in the bundle, all as they were at one moment.

        Raises:
            ConfigurationError: a directory is missing, a file is a link, no regular file or over the limit.
            SourceError: they go on changing.

        """
        before = self._state()
        for _ in range(_READINGS):
            found = self._read()
            after = self._state()
            if after != before:
                before = after
                continue
            if isinstance(found, ConfigurationError):
                raise found
            return found
        raise SourceError("the files change while they are read")

    def _state(self) -> str:
        return digest([_state_of(one) for one in self._files()])

    def _files(self) -> Iterator[File | Problem]:
        for name, suffixes in _SUFFIXES.items():
            yield from walk(self._roots[name], name, suffixes=suffixes)

    def _read(self) -> Mapping[str, bytes] | ConfigurationError:
        problems: list[Problem] = []
        found: dict[str, bytes] = {}
        size = 0
        for one in self._files():
            content = content_of(one) if isinstance(one, File) else one
            if isinstance(one, File) and isinstance(content, bytes):
                found[one.name] = content
                size += len(content)
            elif isinstance(content, Problem):
                problems.append(content)
            if len(found) > LIMITS.max_files:
                return ConfigurationError([*problems, _over("too_many_files", f"{LIMITS.max_files} files")])
            if size > LIMITS.max_bytes:
                return ConfigurationError([*problems, _over("too_large", f"{LIMITS.max_bytes} bytes")])
        problems += problems_in_files(found)
        return ConfigurationError(problems) if problems else found


def _state_of(one: File | Problem) -> list[str | int]:
    if isinstance(one, Problem):
        return [ascii(str(one))]
    status = one.status
    # A name may be no text.
    return [ascii(one.name), status.st_size, status.st_ino, status.st_mode, status.st_mtime_ns, status.st_ctime_ns]


def _over(code: str, limit: str) -> Problem:
    return Problem("bundle", 0, 0, code, f"a bundle has at most {limit}")
