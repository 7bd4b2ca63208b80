"""The decision log in an SQLite file: a write-ahead log, one writer, any number of readers."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import exc, func, insert, select, update

from pdp.audit.append import append_records
from pdp.audit.comparison_query import ComparisonQuery, find_comparisons
from pdp.audit.drift_query import DriftQuery, find_drifts
from pdp.audit.query import Entry, Query, find_entries
from pdp.audit.sqlite_file import check, create_or_check, opening
from pdp.audit.store import Keeping, RecordUnfitError, StoreUnavailableError
from pdp.audit.tables import conflicts, probes
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.record import ComparisonRecord, DriftRecord, Record
from pdp.core.settings.decision_point import LogMode
from pdp.database.sqlite_file import BUSY_TIMEOUT_SECONDS, Access, Place, create_private, open_engine

_SYNCHRONOUS: Final = {LogMode.SPOOLED: "NORMAL", LogMode.DURABLE: "FULL"}
_UNFIT: Final = (
    exc.DataError,
    exc.IntegrityError,
    exc.ProgrammingError,
    exc.InterfaceError,
    msgspec.MsgspecError,
    OverflowError,
    ValueError,
    TypeError,
    RecursionError,
)


class SqliteStore:
    """Keeps records in the file at `path`, which is created with mode 0600 where there is none.

    `spooled` survives a killed process, and a power cut up to the last `sync`; `durable` waits for the
    disk on every commit. `busy_timeout` is seconds to wait for another process's lock.

    Raises:
        UnusableError: the file cannot be opened, is something else, or has another version's tables.

    """

    def __init__(self, path: Path, *, mode: LogMode, busy_timeout: float = BUSY_TIMEOUT_SECONDS) -> None:
        self._path = path
        with opening(path):
            create_private(path)
            self._engine = open_engine(path, Access.WRITE, synchronous=_SYNCHRONOUS[mode], busy_timeout=busy_timeout)
            with self._engine.begin() as connection:
                create_or_check(connection, path)
            self._place = Place(path)
            # Held, since taking it from the pool for each transaction costs more than most transactions.
            self._connection = self._engine.connect()

    def append(self, records: Sequence[Record]) -> list[Keeping]:
        """Commit all of `records` in one transaction."""
        with _writing():
            self._place.check()
            with self._connection.begin():
                return append_records(self._connection, records)

    def probe(self) -> None:
        """Count up in a table of its own."""
        with _writing():
            self._place.check()
            with self._connection.begin():
                if not self._connection.execute(update(probes).values(count=probes.c.count + 1)).rowcount:
                    self._connection.execute(insert(probes).values(id=1, count=1))

    def sync(self) -> None:
        """Flush the write-ahead log, which holds every commit that no checkpoint has flushed."""
        with _writing():
            try:
                descriptor = os.open(f"{self._path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Close the file; the last to do so moves the write-ahead log into it."""
        self._connection.close()
        self._engine.dispose()


class SqliteReader:
    """Reads the log in the file at `path`, beside a running writer.

    Raises:
        UnusableError: there is no such file, it is something else, or has another version's tables.

    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            text = f"there is no decision log at `{path}`: `toolgate serve` or `toolgate gateway` creates it"
            raise UnusableError(text)
        with opening(path):
            self._engine = open_engine(path, Access.READ)
            with self._engine.begin() as connection:
                check(connection, path)

    def find(self, query: Query) -> list[Entry]:
        """The decisions that `query` asks for, oldest first."""
        with _reading(), self._engine.begin() as connection:
            return find_entries(connection, query)

    def drifts(self, query: DriftQuery) -> list[DriftRecord]:
        """The changes of tools that `query` asks for, oldest first."""
        with _reading(), self._engine.begin() as connection:
            return find_drifts(connection, query)

    def comparisons(self, query: ComparisonQuery) -> Iterator[ComparisonRecord]:
        """The comparisons that `query` asks for, in the order of their arrival, read as they are taken."""
        with _reading(), self._engine.begin() as connection:
            yield from find_comparisons(connection, query)

    def conflicts(self) -> int:
        """How many records came under a position that another one holds."""
        with _reading(), self._engine.begin() as connection:
            return int(connection.execute(select(func.count()).select_from(conflicts)).scalar_one())

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


@contextmanager
def _writing() -> Iterator[None]:
    """Whatever the database raises becomes one of the store's two errors, without values of records."""
    try:
        yield
    except _UNFIT as error:
        raise RecordUnfitError(f"a record cannot be stored: {type(error).__name__}") from error
    except exc.DBAPIError as error:
        raise StoreUnavailableError(f"the decision log cannot be used: {error.orig}") from error
    except exc.SQLAlchemyError as error:
        raise StoreUnavailableError(f"the decision log cannot be used: {type(error).__name__}") from error
    except OSError as error:
        raise StoreUnavailableError(f"the decision log cannot be used: {error.strerror}") from error


@contextmanager
def _reading() -> Iterator[None]:
    """Whatever the database raises, or a row that is no record, becomes a StoreUnavailableError."""
    try:
        with _writing():
            yield
    except RecordUnfitError as error:
        raise StoreUnavailableError("the decision log holds something that this program did not write") from error
