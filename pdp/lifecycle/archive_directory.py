"""An archive in a folder of this machine: one file a content, named by its digest."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pdp.core.contract.digest import digest_of
from pdp.hosting.whole_file import write_whole
from pdp.lifecycle.archive import Archived, ArchiveError, NotArchivedError

_NAME: Final = re.compile(r"sha256-([0-9a-f]{64})\.json")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class DirectoryArchive:
    """Keeps contents in `directory`, made where there is none; a file's time of change is when it was put there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, digest: str, content: bytes, *, now: float) -> None:
        """Keep `content`; whole, or not at all."""
        path = self._path(digest)
        with _usable(path):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What was damaged since is put right.
            if not path.exists() or path.read_bytes() != content:
                write_whole(path, content)
            os.utime(path, (now, now))

    def get(self, digest: str) -> bytes:
        """The content with that digest, checked."""
        path = self._path(digest)
        with _usable(path):
            try:
                content = path.read_bytes()
            except FileNotFoundError as error:
                raise NotArchivedError(f"no bundle {digest} is kept in `{self._directory}`") from error
        if digest_of(content) != digest:
            raise ArchiveError(f"`{path}` is not what was put there: its digest is another")
        return content

    def entries(self) -> Sequence[Archived]:
        """All that is kept."""
        with _usable(self._directory):
            if not self._directory.exists():
                return []
            with os.scandir(self._directory) as folder:
                return [
                    Archived(status.st_mtime, f"sha256:{match[1]}")
                    for entry in folder
                    if (match := _NAME.fullmatch(entry.name)) and (status := _status_of(entry)) is not None
                ]

    def remove(self, digest: str) -> None:
        """Keep that content no longer."""
        path = self._path(digest)
        with _usable(path):
            path.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotArchivedError("this is no digest of a bundle")
        return self._directory / f"{digest.replace(':', '-')}.json"


def _status_of(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """That of a file, None where it is none, or gone since: others may let go of it."""
    try:
        return entry.stat() if entry.is_file(follow_symlinks=False) else None
    except FileNotFoundError:
        return None


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"`{path}` cannot be used: {error.strerror}") from error
