"""What the checkpointer reads and writes of the log's database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, exc, func, insert, select, tuple_, update

from pdp.audit.evidence.cells import blob, number, text
from pdp.audit.evidence.checkpoint import Checkpoint, read_checkpoint
from pdp.audit.evidence.pages import Leaf, digests_of, page_of
from pdp.audit.evidence.statement import EvidenceError
from pdp.audit.log_database import Hold, LogDatabase, store_errors
from pdp.audit.store import StoreUnavailableError
from pdp.audit.tables import about, checkpoints, exports, milliseconds, records, runs
from pdp.core.contract.errors import UnusableError

_PAIRS: Final = 200


class TakenError(Exception):
    """Another decision point has made the checkpoint with that number."""


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint as the log has it: `first` and `last` are the columns, which are not signed."""

    number: int
    first: int
    last: int
    count: int
    envelope: str

    def read(self) -> Checkpoint:
        """The checkpoint, whoever signed it.

        Raises:
            EvidenceError: it is none.

        """
        checkpoint = read_checkpoint(self.envelope.encode("utf-8", "surrogatepass"))
        if checkpoint.statement.number != self.number:
            raise EvidenceError(f"it says that it is number {checkpoint.statement.number}")
        return checkpoint


def known_of(*row: Any) -> Known:
    """The checkpoint in a row of number, first, last, count and envelope."""
    called, first, last, count, envelope = row
    return Known(number(called), number(first), number(last), number(count), text(envelope))


class Ledger:
    """Reads records for checkpoints through `reader`, and keeps these through `writer`.

    Its methods block, belong to one thread, and raise StoreUnavailableError when the database fails.
    """

    def __init__(self, reader: LogDatabase, writer: LogDatabase) -> None:
        self._reader = reader
        self._writer = writer

    def log(self) -> str:
        """The id of the log.

        Raises:
            UnusableError: it has none.

        """
        with self._reading() as connection:
            found = connection.execute(select(about.c.log)).scalar_one_or_none()
        if found is None:
            raise UnusableError(
                "the log does not say which one it is: `toolgate log verify` says what is wrong with it"
            )
        return str(found)

    def newest(self) -> Known | None:
        """The checkpoint with the highest number."""
        columns = checkpoints.c
        wanted = select(columns.number, columns.first, columns.last, columns.count, columns.envelope)
        with self._reading() as connection:
            row = connection.execute(wanted.order_by(columns.number.desc()).limit(1)).first()
        return None if row is None else known_of(*row)

    def known(self, *, after: int, limit: int) -> list[Known]:
        """Up to `limit` checkpoints above the number `after`, in order."""
        columns = checkpoints.c
        wanted = select(columns.number, columns.first, columns.last, columns.count, columns.envelope)
        wanted = wanted.where(columns.number > after).order_by(columns.number).limit(limit)
        with self._reading() as connection:
            return [known_of(*row) for row in connection.execute(wanted)]

    def waiting(self, *, after: int, limit: int) -> int:
        """How many records there are above the position `after`, of at most `limit`."""
        some = select(records.c.position).where(records.c.position > after).limit(limit).subquery()
        with self._reading() as connection:
            return int(connection.execute(select(func.count()).select_from(some)).scalar_one())

    def settled(self) -> int:
        """The highest position; whatever is committed later comes above it."""
        with self._writing(Hold.ALONE) as connection:
            return int(connection.execute(select(func.coalesce(func.max(records.c.position), 0))).scalar_one())

    def page(self, *, after: int, upto: int, limit: int) -> Sequence[Leaf]:
        """Up to `limit` records above the position `after` and not above `upto`, in order."""
        with self._reading() as connection:
            return page_of(connection, after=after, upto=upto, limit=limit)

    def digests(self, *, low: int, high: int) -> list[bytes]:
        """The digests of the records at the positions `low` to `high`, in order."""
        with self._reading() as connection:
            return digests_of(connection, low=low, high=high)

    def preceding(self, wanted: Sequence[tuple[str, str, int]], *, below: int) -> dict[tuple[str, str, int], bytes]:
        """The digests of those of the records (writer, boot, sequence) that are there, below the position `below`."""
        found: dict[tuple[str, str, int], bytes] = {}
        with self._reading() as connection:
            for start in range(0, len(wanted), _PAIRS):
                rows = connection.execute(_preceding(wanted[start : start + _PAIRS], below))
                found |= {(writer, boot, sequence): blob(digest) for writer, boot, sequence, digest in rows}
        return found

    def keep(self, checkpoint: Checkpoint) -> None:
        """Commit `checkpoint`.

        Raises:
            TakenError: there is one with its number.

        """
        statement = checkpoint.statement
        row = {
            "number": statement.number,
            "first": statement.batch.low,
            "last": statement.batch.high,
            "count": statement.batch.count,
            "made": milliseconds(statement.time),
            "envelope": checkpoint.to_json().decode("utf-8"),
        }
        with self._writing() as connection:
            try:
                connection.execute(insert(checkpoints).values(**row))
            except exc.IntegrityError as error:
                raise TakenError from error

    def exported(self, target: str) -> int:
        """The number of the last checkpoint that `target` has got, 0 for none."""
        wanted = select(exports.c.number).where(exports.c.target == target)
        with self._reading() as connection:
            return int(connection.execute(wanted).scalar_one_or_none() or 0)

    def note_exported(self, target: str, number: int) -> None:
        """Commit that `target` has got the checkpoints up to `number`; of several that give, the last word counts."""
        with self._writing() as connection:
            changed = update(exports).where(exports.c.target == target)
            known = connection.execute(select(exports.c.number).where(exports.c.target == target)).first()
            if known is None:
                connection.execute(insert(exports).values(target=target, number=number))
            else:
                connection.execute(changed.values(number=number))

    def close(self) -> None:
        """Let go of connections."""
        self._reader.close()
        self._writer.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _transaction(self._reader, Hold.NOTHING) as connection:
            yield connection

    @contextmanager
    def _writing(self, hold: Hold = Hold.NOTHING) -> Iterator[Connection]:
        with _transaction(self._writer, hold) as connection:
            yield connection


@contextmanager
def _transaction(database: LogDatabase, hold: Hold) -> Iterator[Connection]:
    try:
        with store_errors(), database.transaction(hold) as connection:
            yield connection
    except StoreUnavailableError:
        database.recover()
        raise


def _preceding(wanted: Sequence[tuple[str, str, int]], below: int) -> Any:
    joined = records.join(runs, runs.c.run == records.c.run)
    names = (runs.c.writer, runs.c.boot, records.c.sequence)
    found = select(*names, records.c.digest).select_from(joined)
    return found.where(tuple_(*names).in_(wanted), records.c.position < below)
