"""The decision log in an SQLite file: a write-ahead log, one writer, any number of readers."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, exc, inspect

from pdp.audit.append import STORED_COLUMNS
from pdp.audit.log_database import Hold
from pdp.audit.migrate import Converted, Progress, upgrade
from pdp.audit.sql_store import SqlReader, SqlStore
from pdp.audit.versions import HEAD, OLDEST, VERSION_TABLE, check_unchanged, check_version
from pdp.core.contract.errors import UnusableError
from pdp.database.sqlite_file import BUSY_TIMEOUT_SECONDS, Access, Place, create_private, open_engine, pragma

APPLICATION_ID: Final = 0x54474C47
"""Written into the file's header, so that another program's database is not taken for a log."""

_MARKS: Final = ", ".join("?" * len(STORED_COLUMNS))
_INSERT: Final = f"INSERT INTO records ({', '.join(STORED_COLUMNS)}) VALUES ({_MARKS})"  # noqa: S608 - constants


class SqliteLog:
    """The log in the file at `path`; to write, it is made where there is none, with mode 0600.

    `lock_timeout` is how many seconds to wait for another process's lock.

    Raises:
        UnusableError: the file cannot be opened, is something else, or has another version's tables.

    """

    unfit: Final = (
        exc.DataError,
        exc.IntegrityError,
        exc.ProgrammingError,
        exc.InterfaceError,
        OverflowError,
        UnicodeError,
    )

    def __init__(self, path: Path, access: Access, *, lock_timeout: float = BUSY_TIMEOUT_SECONDS) -> None:
        self._access = access
        if access is Access.READ and not path.exists():
            check_version(None, place=str(path))
        with _opening(path):
            if access is Access.WRITE:
                create_private(path)
            self._engine = open_engine(path, access, busy_timeout=lock_timeout)
            with self._engine.begin() as connection:
                if access is Access.WRITE and _is_empty(connection):
                    _make(connection)
                _check(connection, path)
            self._place = Place(path) if access is Access.WRITE else None
            # Held, since taking it from the pool for each transaction costs more than most transactions.
            self._connection = self._engine.connect()

    @contextmanager
    def transaction(self, hold: Hold) -> Iterator[Connection]:  # noqa: ARG002 - SQLite has one writer at a time
        """A transaction; a writer's holds the file's one lock for writers."""
        if self._place is not None:
            self._place.check()
        with self._connection.begin():
            # It counts as another version's as soon as that is committed: both are in the file's first page.
            check_unchanged(f"{pragma(self._connection, 'user_version'):04}")
            yield self._connection

    def insert_rows(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows of `STORED_COLUMNS` by the driver alone."""
        connection.exec_driver_sql(_INSERT, list(rows))

    def prepare(self, arrived: int) -> None:
        """There is nothing to prepare."""

    def drop_until(self, position: int) -> None:
        """Nothing: there are no partitions."""

    def recover(self) -> None:
        """An error leaves nothing behind."""

    def close(self) -> None:
        """Close the file; the last to do so moves the write-ahead log into it."""
        self._connection.close()
        self._engine.dispose()


class SqliteStore(SqlStore):
    """Keeps records in the file at `path`.

    Raises:
        UnusableError: see `SqliteLog`.

    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout: float = BUSY_TIMEOUT_SECONDS,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - the edge
    ) -> None:
        super().__init__(SqliteLog(path, Access.WRITE, lock_timeout=busy_timeout), wall=wall)


class SqliteReader(SqlReader):
    """Reads the log in the file at `path`, beside a running writer.

    Raises:
        UnusableError: see `SqliteLog`.

    """

    def __init__(self, path: Path) -> None:
        super().__init__(SqliteLog(path, Access.READ))


def migrate_sqlite(
    path: Path, *, lock_timeout: float = BUSY_TIMEOUT_SECONDS, progress: Progress | None
) -> tuple[str, Converted]:
    """Convert the log in the file at `path` in one transaction: the revision that it had, what was converted.

    Raises:
        UnusableError: there is none, it cannot be opened, or it is newer.

    """
    if not path.exists():
        check_version(None, place=str(path))
    with _opening(path):
        engine = open_engine(path, Access.WRITE, busy_timeout=lock_timeout)
        try:
            with engine.begin() as connection:
                version, converted = _version(connection, path), Converted()
                if OLDEST <= version < HEAD:
                    is_said = inspect(connection).has_table(VERSION_TABLE)
                    converted = upgrade(connection, start=None if is_said else version, progress=progress)
                    _mark(connection)
                _check(connection, path)
        finally:
            engine.dispose()
    return version, converted


def _make(connection: Connection) -> None:
    upgrade(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    _mark(connection)


def _mark(connection: Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA user_version = {int(HEAD)}")


def _is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names() and pragma(connection, "application_id") == 0


def _check(connection: Connection, path: Path) -> None:
    check_version(_version(connection, path), place=str(path), url=f"sqlite:///{path}")


def _version(connection: Connection, path: Path) -> str:
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise UnusableError(f"`{path}` is no decision log: name another file in `pdp.log.url`")
    return f"{pragma(connection, 'user_version'):04}"


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Whatever keeps the file at `path` from being opened becomes an UnusableError."""
    try:
        yield
    except exc.DBAPIError as error:
        raise UnusableError(f"the decision log `{path}` cannot be opened: {error.orig}") from error
    except sqlite3.Error as error:
        raise UnusableError(f"the decision log `{path}` cannot be opened: {error}") from error
    except OSError as error:
        raise UnusableError(f"the decision log `{path}` cannot be opened: {error.strerror}") from error
