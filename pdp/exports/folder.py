"""A folder with a file for each checkpoint: whole or not there, also after a power cut, and never overwritten."""

import os
import stat
from pathlib import Path
from typing import Final

from pdp.audit.evidence.export import ExportError
from pdp.audit.evidence.held import MAX_HELD_BYTES, Held, read_held
from pdp.audit.evidence.statement import EvidenceError
from pdp.exports.naming import path_of
from pdp.hosting.whole_file import write_whole

_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FolderExport:
    """Writes into `folder`, called `target`, which is made where there is none; links in it are not followed."""

    def __init__(self, folder: Path, *, target: str) -> None:
        self.target = target
        self._folder = folder

    def publish(self, held: Held) -> None:
        """Return once the file is on disk."""
        path = self._folder / path_of(held.number)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent.is_symlink():
                raise ExportError(f"`{path.parent}` is a link: remove it")
            try:
                known = read_plain(path)
            except FileNotFoundError:
                write_whole(path, held.to_json())
                path.chmod(0o644)
                return
        except OSError as error:
            raise ExportError(f"`{path}` cannot be written: {error.strerror}") from error
        check_same(known, held, where=f"`{path}`")


def check_same(raw: bytes, held: Held, *, where: str) -> None:
    """Pass where `raw`, which is `where` the checkpoint `held` belongs, is that.

    Raises:
        ExportError: it is another one.

    """
    try:
        digest = read_held(raw).checkpoint.digest
    except EvidenceError as error:
        raise ExportError(f"{where} is there and is no checkpoint: look at it, then move it away") from error
    if digest != held.checkpoint.digest:
        raise ExportError(f"{where} is another checkpoint than the log's: `toolgate log verify --checkpoint` says more")


def read_plain(path: Path) -> bytes:
    """The content of the file at `path`, no link, of at most the size of a checkpoint.

    Raises:
        OSError: it cannot be read.
        EvidenceError: it is no plain file, or too large.

    """
    descriptor = os.open(path, _READ)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_HELD_BYTES:
            raise EvidenceError("it is no plain file, or larger than a checkpoint is")
        return file.read(MAX_HELD_BYTES + 1)
