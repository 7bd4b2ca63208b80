"""Moves old batches of a log into archives: written, read again, noted, and only then removed from the log."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from pdp.audit.archive.check import checked
from pdp.audit.archive.parquet_file import Archive, Extent, write_archive
from pdp.audit.archive.plan import Part, archived_until, old_batches, parts_of, rows_of
from pdp.audit.evidence.checkpoint import Checkpoint, Trusted, read_checkpoint
from pdp.audit.evidence.statement import EvidenceError
from pdp.audit.log_database import Hold, LogDatabase, store_errors
from pdp.audit.tables import about, archived, archives, checkpoints, records
from pdp.core.contract.errors import UnusableError

SUFFIX: Final = ".parquet"
_UNFINISHED: Final = ".part"
_CHUNK: Final = 1024 * 1024

REMOVED: Final = 5000
"""Records that are removed in one transaction, so that appends wait for no more."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An archive that was made: its file, the numbers of its checkpoints, and how many records it has."""

    path: Path
    first: int
    last: int
    records: int
    size: int


class Mover:
    """Moves what is older than a bound from the log behind `reader` and `writer` to `folder`.

    Nothing is removed whose checkpoints no key in `trusted` has signed. Its methods block, belong to one thread, and
    raise StoreUnavailableError when the database fails.
    """

    def __init__(self, reader: LogDatabase, writer: LogDatabase, *, folder: Path, trusted: Trusted) -> None:
        self._reader = reader
        self._writer = writer
        self._folder = folder
        self._trusted = trusted

    def finish(self) -> None:
        """Remove what an earlier run has archived and not removed."""
        with self._reading() as connection:
            last = archived_until(connection)
            wanted = select(checkpoints.c.last).where(checkpoints.c.number == last)
            position = connection.execute(wanted).scalar_one_or_none()
        if position:
            self._remove(position)

    def plan(self, *, before: int) -> list[Part]:
        """What would be moved of what came before `before`, in Unix milliseconds."""
        with self._reading() as connection:
            return list(parts_of(old_batches(connection, before=before)))

    def move(self, part: Part, *, made: int) -> Moved:
        """Move `part` into an archive that is made at `made`, in Unix milliseconds.

        Raises:
            EvidenceError: what is in the log is not what was signed; nothing is removed.
            UnusableError: the archive cannot be written.

        """
        with self._reading() as connection:
            extent = Extent(connection.execute(select(about.c.log)).scalar_one(), part.first, part.last)
            before = _checkpoint(connection, part.first - 1)
        path = self._folder / f"log-{extent.log[:8]}-{part.first:09d}-{part.last:09d}{SUFFIX}"
        unfinished = path.with_name(path.name + _UNFINISHED)
        with suppress(FileNotFoundError):
            unfinished.unlink()
        # (1) write, (2) read again
        with self._reading() as connection:
            count = write_archive(unfinished, rows_of(connection, part), extent=extent)
        self._check(unfinished, extent, before, path)
        with self._reading() as connection:
            stretches = list(_stretches(connection, part))
        digest, size = _digest_of(unfinished)
        # (3) under its name, (4) noted, (5) removed
        _settle(unfinished, path)
        with self._writing() as connection:
            connection.execute(
                insert(archives).values(
                    archive=path.name, digest=digest, first=part.first, last=part.last, count=count, made=made
                )
            )
            for run, first, last in stretches:
                _note(connection, run, first, last)
        self._remove(part.position)
        return Moved(path, part.first, part.last, count, size)

    def _remove(self, position: int) -> None:
        """Take the records up to `position` out of the log."""
        with store_errors():
            self._writer.drop_until(position)
        place = records.c.position
        while True:
            oldest = select(place).where(place <= position).order_by(place).limit(REMOVED)
            with self._writing() as connection:
                found = connection.execute(oldest).scalars().all()
                if not found:
                    return
                connection.execute(delete(records).where(place >= found[0], place <= found[-1]))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with store_errors(), self._reader.transaction(Hold.NOTHING) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with store_errors(), self._writer.transaction(Hold.NOTHING) as connection:
            yield connection

    def _check(self, unfinished: Path, extent: Extent, before: Checkpoint | None, path: Path) -> None:
        archive = Archive(unfinished)
        try:
            for _ in checked(archive.rows(), extent=extent, trusted=self._trusted, before=before):
                pass
        except EvidenceError as error:
            unfinished.unlink()
            text = f"`{path.name}` was not made, since the log is not what was signed: {error}"
            raise EvidenceError(f"{text}; `toolgate log verify` says more") from error
        finally:
            archive.close()


def _stretches(connection: Connection, part: Part) -> Iterator[tuple[int, int, int]]:
    """Run, first and last of each stretch of sequences without a gap that `part` has; every one of them is checked."""
    columns = records.c
    first = min((batch.first for batch in part.batches if batch.count), default=0)
    wanted = select(columns.run, columns.sequence).where(columns.position >= first, columns.position <= part.position)
    begun: tuple[int, int, int] | None = None
    for run, sequence in connection.execute(wanted.order_by(columns.run, columns.sequence)):
        if begun is not None and (begun[0], begun[2] + 1) == (run, sequence):
            begun = (run, begun[1], sequence)
            continue
        if begun is not None:
            yield begun
        begun = (run, sequence, sequence)
    if begun is not None:
        yield begun


def _note(connection: Connection, run: int, first: int, last: int) -> None:
    """Note that a stretch is archived, with the one that it goes on from."""
    columns = archived.c
    longer = update(archived).where(columns.run == run, columns.last == first - 1).values(last=last)
    if not connection.execute(longer).rowcount:
        connection.execute(insert(archived).values(run=run, first=first, last=last))


def _checkpoint(connection: Connection, number: int) -> Checkpoint | None:
    wanted = select(checkpoints.c.envelope).where(checkpoints.c.number == number)
    envelope = connection.execute(wanted).scalar_one_or_none()
    return None if envelope is None else read_checkpoint(envelope.encode("utf-8"))


def _digest_of(path: Path) -> tuple[bytes, int]:
    found, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            found.update(piece)
            size += len(piece)
    return found.digest(), size


def _settle(unfinished: Path, path: Path) -> None:
    """Give the file its name, for good; an archive of an earlier run that was never noted gives way."""
    try:
        unfinished.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise UnusableError(f"the archive `{path}` cannot be kept: {error.strerror}") from error


def archives_in(folder: Path) -> Iterator[Path]:
    """The archives in `folder`, in the order of their checkpoints.

    Raises:
        UnusableError: it is no folder.

    """
    try:
        yield from sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError as error:
        raise UnusableError(f"the archives in `{folder}` cannot be read: {error.strerror}") from error
