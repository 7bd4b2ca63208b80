"""A log in its database as it is at one moment, for a verification, while others append."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from pdp.audit.evidence.cells import blob, number, text
from pdp.audit.evidence.evidence_source import NotedRun, StoredRecord
from pdp.audit.evidence.ledger import Known, known_of
from pdp.audit.tables import FOUND_BY, about, archives, checkpoints, conflicts, records, runs

PAGE: Final = 2000
_RECORD: Final = (
    records.c.position,
    records.c.digest,
    records.c.content,
    records.c.run,
    records.c.sequence,
    *(records.c[name] for name in FOUND_BY),
)


class LogSnapshot:
    """Reads over `connection`, which is in a transaction that sees one state of the log; pages bound the memory."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def log(self) -> str | None:
        """The id of the log."""
        found = self._connection.execute(select(about.c.log)).scalars().first()
        return None if found is None else str(found)

    def runs(self) -> Mapping[int, NotedRun]:
        """The runs."""
        columns = runs.c
        wanted = select(
            columns.run,
            columns.writer,
            columns.boot,
            columns.previous,
            columns.sequence,
            columns.digest,
            columns.records,
            columns.announced,
        )
        return {
            run: NotedRun(
                text(writer),
                text(boot),
                None if previous is None else blob(previous),
                number(sequence),
                blob(digest),
                number(came),
                None if announced is None else number(announced),
            )
            for run, writer, boot, previous, sequence, digest, came, announced in self._connection.execute(wanted)
        }

    def records(self) -> Iterator[StoredRecord]:
        """The records."""
        place = records.c.position
        wanted = select(*_RECORD).order_by(place)
        for position, digest, content, *rest in self._pages(wanted, place, floor=-(2**62)):
            yield StoredRecord(position, blob(digest), blob(content), rest[0], rest[1], rest[2:])

    def checkpoints(self) -> Iterator[Known]:
        """The checkpoints."""
        columns = checkpoints.c
        wanted = select(columns.number, columns.first, columns.last, columns.count, columns.envelope)
        for row in self._pages(wanted.order_by(columns.number), columns.number, floor=-(2**62)):
            yield known_of(*row)

    def conflicts(self) -> Iterator[tuple[int, int, bytes]]:
        """The conflicts."""
        columns = conflicts.c
        wanted = select(columns.position, columns.run, columns.sequence, columns.digest).order_by(columns.position)
        for _, run, sequence, digest in self._pages(wanted, columns.position, floor=-(2**62)):
            yield number(run), number(sequence), blob(digest)

    def archived(self) -> int:
        """The last checkpoint whose records are elsewhere."""
        return int(self._connection.execute(select(func.coalesce(func.max(archives.c.last), 0))).scalar_one())

    def count(self) -> int:
        """About how many records there are, to say how far it is."""
        return int(self._connection.execute(select(func.count()).select_from(records)).scalar_one())

    def _pages(self, wanted: Select[Any], place: Any, *, floor: int) -> Iterator[Any]:
        """The rows of `wanted`, ordered by its first column `place`, a page at a time."""
        while True:
            page = self._connection.execute(wanted.where(place > floor).limit(PAGE)).all()
            yield from page
            if len(page) < PAGE:
                return
            floor = page[-1][0]
