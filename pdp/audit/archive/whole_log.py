"""A log together with what was moved out of it: archives first, then what its database still has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from pdp.audit.archive.parquet_file import Archive, ArchivedCheckpoint, ArchivedRecord, Extent
from pdp.audit.evidence.checkpoint import read_checkpoint
from pdp.audit.evidence.evidence_source import EvidenceSource, NotedRun, StoredRecord
from pdp.audit.evidence.ledger import Known
from pdp.audit.evidence.statement import EvidenceError
from pdp.core.contract.errors import UnusableError


class Shelf:
    """The archives at `paths`, in the order of their checkpoints, without a gap between them.

    Raises:
        UnusableError: one cannot be read, is of another log, or one between them is missing.

    """

    def __init__(self, paths: Sequence[Path]) -> None:
        if not paths:
            raise UnusableError("there are no archives: name their folder, or leave the option out")
        found = sorted(((_extent_of(path), path) for path in paths), key=lambda one: one[0].first)
        extents = [extent for extent, _ in found]
        for before, after in pairwise(extents):
            if after.log != before.log:
                raise UnusableError(f"the archives are of two logs, `{before.log}` and `{after.log}`")
            if after.first != before.last + 1:
                text = f"the checkpoints {before.last + 1} to {after.first - 1}"
                raise UnusableError(f"between the archives, one with {text} is missing, or one is there twice")
        self._paths = [path for _, path in found]
        self.extent = Extent(extents[0].log, extents[0].first, extents[-1].last)

    def rows(self) -> Iterator[ArchivedRecord | ArchivedCheckpoint]:
        """All that is in them, in order."""
        for path in self._paths:
            with closing(Archive(path)) as archive:
                yield from archive.rows()


class WholeLog:
    """The log in `rest` behind what is in `shelf`; `leftover` is how many archived records `rest` still has.

    Raises:
        UnusableError: they are of two logs, or archives between them are missing.

    """

    def __init__(self, shelf: Shelf, rest: EvidenceSource) -> None:
        if shelf.extent.log != rest.log():
            raise UnusableError(f"the archives are of the log `{shelf.extent.log}`, this is `{rest.log()}`")
        if shelf.extent.last < rest.archived():
            text = f"archives with the checkpoints {shelf.extent.last + 1} to {rest.archived()}"
            raise UnusableError(f"{text} are missing")
        self._shelf = shelf
        self._rest = rest
        self._runs = rest.runs()
        self._numbers = {(run.writer, run.boot): number for number, run in self._runs.items()}
        self.leftover = 0

    def log(self) -> str | None:
        """The id of the log."""
        return self._rest.log()

    def runs(self) -> Mapping[int, NotedRun]:
        """The runs, as the log notes them."""
        return self._runs

    def records(self) -> Iterator[StoredRecord]:
        """Every record, in the order of the positions."""
        last = 0
        for row in self._shelf.rows():
            if isinstance(row, ArchivedRecord):
                last = max(last, row.position)
                yield _stored(row, self._numbers.get((row.writer, row.boot)))
        for stored in self._rest.records():
            if stored.position > last:
                yield stored
            else:
                self.leftover += 1

    def checkpoints(self) -> Iterator[Known]:
        """Every checkpoint, as the log has it."""
        return self._rest.checkpoints()

    def conflicts(self) -> Iterator[tuple[int, int, bytes]]:
        """The conflicts."""
        return self._rest.conflicts()

    def archived(self) -> int:
        """The number of the last checkpoint before the first archive."""
        return self._shelf.extent.first - 1


class ArchivesAlone:
    """What is in `shelf`, without the log that it was moved out of; runs are taken as the archives have them."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._numbers: dict[tuple[str, str], int] = {}
        self._runs: dict[int, NotedRun] = {}

    def log(self) -> str | None:
        """The id of the log."""
        return self._shelf.extent.log

    def runs(self) -> Mapping[int, NotedRun]:
        """The runs: nothing is noted of them but what is there, so all is read once more."""
        if not self._runs:
            for row in self._shelf.rows():
                if isinstance(row, ArchivedRecord):
                    self._note(row)
        return self._runs

    def records(self) -> Iterator[StoredRecord]:
        """Every record, in the order of the positions."""
        for row in self._shelf.rows():
            if isinstance(row, ArchivedRecord):
                yield _stored(row, self._numbers.get((row.writer, row.boot)))

    def checkpoints(self) -> Iterator[Known]:
        """The checkpoints in the archives."""
        number = self._shelf.extent.first
        for row in self._shelf.rows():
            if isinstance(row, ArchivedCheckpoint):
                yield _known(row, number)
                number += 1

    def conflicts(self) -> Iterator[tuple[int, int, bytes]]:
        """None: what came under another one's number stays in the log."""
        return iter(())

    def archived(self) -> int:
        """The number of the last checkpoint before the first archive."""
        return self._shelf.extent.first - 1

    def _note(self, row: ArchivedRecord) -> None:
        name = (row.writer, row.boot)
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        before = self._runs.get(number)
        sequence, digest = row.sequence, row.digest
        if before is not None and before.sequence > sequence:
            sequence, digest = before.sequence, before.digest
        count = 1 if before is None else before.records + 1
        self._runs[number] = NotedRun(*name, None, sequence, digest, count, None)


def _extent_of(path: Path) -> Extent:
    with closing(Archive(path)) as archive:
        return archive.extent


def _stored(row: ArchivedRecord, run: int | None) -> StoredRecord:
    return StoredRecord(row.position, row.digest, row.content, run, row.sequence, row.found_by)


def _known(row: ArchivedCheckpoint, number: int) -> Known:
    """The checkpoint in `row`, filed as it says itself; what cannot be read is found to be so later."""
    text = row.envelope.decode("utf-8", "replace")
    try:
        batch = read_checkpoint(row.envelope).statement.batch
    except EvidenceError:
        return Known(number, 0, 0, 0, text)
    return Known(number, batch.low, batch.high, batch.count, text)
