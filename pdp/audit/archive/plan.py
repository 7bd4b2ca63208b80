"""Which batches of a log are old enough to be moved into an archive, and what is in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from pdp.audit.archive.parquet_file import ArchivedCheckpoint, ArchivedRecord, Row
from pdp.audit.tables import FOUND_BY, archives, checkpoints, records, runs

MOST_RECORDS: Final = 1_000_000
"""Records after which another file is begun; a batch is never divided."""
_WINDOW: Final = 1000


@dataclass(frozen=True, slots=True)
class Batch:
    """What one checkpoint covers: `count` records, at the positions from `first` to `last` where there are any."""

    number: int
    first: int
    last: int
    count: int
    made: int
    envelope: str


@dataclass(frozen=True, slots=True)
class Part:
    """The batches of one archive, in order."""

    batches: tuple[Batch, ...]

    @property
    def first(self) -> int:
        """The number of its first checkpoint."""
        return self.batches[0].number

    @property
    def last(self) -> int:
        """The number of its last checkpoint."""
        return self.batches[-1].number

    @property
    def count(self) -> int:
        """How many records it has."""
        return sum(batch.count for batch in self.batches)

    @property
    def position(self) -> int:
        """The position of its last record, 0 where it has none."""
        return max(batch.last for batch in self.batches)


def archived_until(connection: Connection) -> int:
    """The number of the last checkpoint that is in an archive, 0 while none is."""
    return int(connection.execute(select(func.coalesce(func.max(archives.c.last), 0))).scalar_one())


def old_batches(connection: Connection, *, before: int) -> list[Batch]:
    """What was not archived yet of the batches whose checkpoints were made before `before` (Unix ms), without a gap."""
    columns = checkpoints.c
    after = archived_until(connection)
    young = select(func.min(columns.number)).where(columns.number > after, columns.made >= before)
    bound = connection.execute(young).scalar_one()
    wanted = select(checkpoints).where(columns.number > after).order_by(columns.number)
    if bound is not None:
        wanted = wanted.where(columns.number < bound)
    return [Batch(**row) for row in connection.execute(wanted).mappings()]


def parts_of(batches: list[Batch], *, most: int = MOST_RECORDS) -> Iterator[Part]:
    """`batches` in order, so many together that a part has at most `most` records, or one batch."""
    held: list[Batch] = []
    count = 0
    for batch in batches:
        if held and count + batch.count > most:
            yield Part(tuple(held))
            held, count = [], 0
        held.append(batch)
        count += batch.count
    if held:
        yield Part(tuple(held))


def rows_of(connection: Connection, part: Part) -> Iterator[Row]:
    """Records and checkpoints of `part` in order."""
    for batch in part.batches:
        if batch.count:
            yield from _records(connection, batch)
        yield ArchivedCheckpoint(batch.made, batch.envelope.encode("utf-8"))


def _records(connection: Connection, batch: Batch) -> Iterator[ArchivedRecord]:
    columns = records.c
    wanted = (
        select(records, runs.c.writer, runs.c.boot)
        .join(runs, runs.c.run == columns.run)
        .where(columns.position <= batch.last)
        .order_by(columns.position)
        .limit(_WINDOW)
    )
    after = batch.first - 1
    while True:
        rows = connection.execute(wanted.where(columns.position > after)).mappings().all()
        for row in rows:
            yield ArchivedRecord(
                position=row["position"],
                arrived=row["arrived"],
                writer=row["writer"],
                boot=row["boot"],
                sequence=row["sequence"],
                digest=row["digest"],
                content=row["content"],
                found_by=tuple(row[name] for name in FOUND_BY),
            )
        if len(rows) < _WINDOW:
            return
        after = rows[-1]["position"]
