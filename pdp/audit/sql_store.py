"""The decision log in an SQL database, to write and to read."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import Connection, func, select, update

from pdp.audit.append import append_rows
from pdp.audit.comparison_query import ComparisonQuery, find_comparisons
from pdp.audit.drift_query import DriftQuery, find_drifts
from pdp.audit.heads import RunName, hear, lock_heads
from pdp.audit.log_database import DeadlockError, Hold, LogDatabase, store_errors
from pdp.audit.query import Entry, Query, find_entries
from pdp.audit.readings import ReadingQuery, find_readings
from pdp.audit.row import row_of
from pdp.audit.store import Announcement, Kept, Run, StoreUnavailableError
from pdp.audit.tables import about, conflicts, runs
from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.record import DriftRecord, ReadingRecord
from pdp.core.contract.sealed import Sealed

T = TypeVar("T")

MOST_DEADLOCKS: Final = 5
MOST_KNOWN: Final = 10_000
"""Runs that a store remembers to be there."""


class SqlStore:
    """Keeps records in `database`; `wall` says when they arrive, in Unix seconds."""

    def __init__(self, database: LogDatabase, *, wall: Callable[[], float] = time.time) -> None:  # noqa: TID251 - the edge
        self._database = database
        self._wall = wall
        self._known: set[RunName] = set()

    def append(self, records: Sequence[Sealed]) -> list[Kept]:
        """Commit all of `records` in one transaction."""
        rows = [row_of(sealed) for sealed in records]
        arrived = round(self._wall() * 1000)
        insert_rows = self._database.insert_rows

        def work(connection: Connection) -> list[Kept]:
            return append_rows(connection, rows, arrived=arrived, known=self._known, insert_rows=insert_rows)

        kept = self._done(work, arrived)
        self._remember({(row.record.writer, row.record.boot) for row in rows})
        return kept

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Commit what writers said they have."""
        names = {(one.writer, one.boot) for one in announcements}

        def work(connection: Connection) -> None:
            heads = lock_heads(connection, names, known=self._known)
            for one in announcements:
                hear(connection, heads[one.writer, one.boot], sequence=one.sequence, at=round(one.at * 1000))

        self._done(work)
        self._remember(names)

    def probe(self) -> None:
        """Count up in the table `about`."""
        with self._writing(Hold.NOTHING) as connection:
            connection.execute(update(about).values(probes=about.c.probes + 1))

    @contextmanager
    def frozen(self) -> Iterator[Connection]:
        """A transaction during which nobody appends; all that was appended before is committed and seen.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        with self._writing(Hold.ALONE) as connection:
            yield connection

    def close(self) -> None:
        """Let go of files and connections."""
        self._database.close()

    def _done(self, work: Callable[[Connection], T], arrived: int | None = None) -> T:
        """What `work` comes to in a transaction, which is tried again where it was undone for another's sake."""
        for _ in range(MOST_DEADLOCKS):
            try:
                with self._writing(Hold.APPEND, arrived) as connection:
                    return work(connection)
            except DeadlockError:
                continue
        with self._writing(Hold.APPEND, arrived) as connection:
            return work(connection)

    @contextmanager
    def _writing(self, hold: Hold, arrived: int | None = None) -> Iterator[Connection]:
        try:
            with store_errors(self._database.unfit):
                if arrived is not None:
                    self._database.prepare(arrived)
                with self._database.transaction(hold) as connection:
                    yield connection
        except StoreUnavailableError:
            self._known.clear()
            self._database.recover()
            raise

    def _remember(self, names: set[RunName]) -> None:
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        self._known |= names


class SqlReader:
    """Reads the log in `database`, beside running writers."""

    def __init__(self, database: LogDatabase) -> None:
        self._database = database

    def find(self, query: Query) -> list[Entry]:
        """The decisions that `query` asks for, oldest first."""
        # What follows an entry is to be final: a record that is committed late may have a lower position.
        with self._reading(Hold.NOTHING if query.after is None else Hold.ALONE) as connection:
            return find_entries(connection, query)

    def drifts(self, query: DriftQuery) -> list[DriftRecord]:
        """The changes of tools that `query` asks for, oldest first."""
        with self._reading() as connection:
            return find_drifts(connection, query)

    def comparisons(self, query: ComparisonQuery) -> Iterator[ComparisonRecord]:
        """The comparisons that `query` asks for, in the order of their arrival, read as they are taken."""
        with self._reading() as connection:
            yield from find_comparisons(connection, query)

    def readings(self, query: ReadingQuery) -> list[ReadingRecord]:
        """The readings of the log that `query` asks for, oldest first."""
        with self._reading() as connection:
            return find_readings(connection, query)

    def runs(self) -> list[Run]:
        """Every run of every writer, by writer and boot."""
        columns = runs.c
        chosen = select(
            columns.writer, columns.boot, columns.sequence, columns.records, columns.announced, columns.heard
        )
        with self._reading() as connection:
            found = [Run(*row) for row in connection.execute(chosen)]
        return sorted(found, key=lambda run: (run.writer, run.boot))

    def conflicts(self) -> int:
        """How many records came under a position that another one holds."""
        with self._reading() as connection:
            return int(connection.execute(select(func.count()).select_from(conflicts)).scalar_one())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        with self._reading() as connection:
            yield connection

    def close(self) -> None:
        """Let go of files and connections."""
        self._database.close()

    @contextmanager
    def _reading(self, hold: Hold = Hold.NOTHING) -> Iterator[Connection]:
        try:
            with store_errors(), self._database.transaction(hold) as connection:
                yield connection
        except (ValueError, TypeError, OverflowError) as error:
            text = "the decision log holds something that this program did not write"
            raise StoreUnavailableError(f"{text}: `toolgate log verify` says what") from error
        except StoreUnavailableError:
            self._database.recover()
            raise
