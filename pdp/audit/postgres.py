"""The decision log in a PostgreSQL database: many writers, a partition for each month."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, exc, text

from pdp.audit.append import STORED_COLUMNS
from pdp.audit.log_database import Hold
from pdp.audit.migrate import Converted, Progress
from pdp.audit.partitions import Month, create_partition, drop_partition, highest_position, partitions
from pdp.audit.server_log import isolated, opening, prepare_tables, upgrade_tables
from pdp.audit.versions import check_unchanged, written_version
from pdp.database.address import ServerAddress
from pdp.database.server_engine import Timeouts, open_server_engine
from pdp.database.sqlite_file import Access

_LOCK: Final = 0x54474C4F47
"""The advisory lock of the log in its database: shared by those who append, held alone by those who forbid it."""
_SHARED: Final = text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")
_ALONE: Final = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_HELD: Final = {Hold.APPEND: _SHARED, Hold.ALONE: _ALONE}
_UNBOUNDED: Final = text("SET LOCAL statement_timeout = 0")
"""A conversion is as long as the log is."""

_NUMBERS: Final = {"arrived", "run", "sequence", "time"}
_BYTES: Final = {"digest", "content"}
_TYPES: Final = ["int8" if one in _NUMBERS else "bytea" if one in _BYTES else "text" for one in STORED_COLUMNS]
_COPY: Final = f"COPY records ({', '.join(STORED_COLUMNS)}) FROM STDIN (FORMAT BINARY)"


class PostgresLog:
    """The log in the database at `address`; to write, its tables are made where there are none.

    Raises:
        UnusableError: it cannot be used, or has another version's tables.

    """

    def __init__(self, address: ServerAddress, access: Access, *, timeouts: Timeouts) -> None:
        self._engine = open_server_engine(address, timeouts, used_by=f"the decision log `{address.shown}`")
        driver: Any = self._engine.dialect.loaded_dbapi
        self._errors: type[Exception] = driver.Error
        self._driver = driver
        self._months: set[Month] = set()
        with opening(address, self._engine):
            prepare_tables(self._engine, _ALONE, address, access)

    @property
    def unfit(self) -> tuple[type[Exception], ...]:
        """What a value brings about that PostgreSQL does not take."""
        return (exc.DataError, UnicodeError)

    @contextmanager
    def transaction(self, hold: Hold) -> Iterator[Connection]:
        """A transaction that holds the advisory lock, and sees what others committed before it got that."""
        with isolated(self._engine, hold) as connection:
            if hold in _HELD:
                connection.execute(_HELD[hold])
            # In a statement of its own: one sees what was committed before it began, not before it got its lock.
            check_unchanged(written_version(connection))
            yield connection

    def insert_rows(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows of `STORED_COLUMNS` by COPY."""
        driven: Any = connection.connection.driver_connection
        try:
            with driven.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row(row)
        except self._errors as error:
            if driven.closed:
                connection.invalidate(error)
            raise exc.DBAPIError.instance(
                _COPY, None, error, self._driver.Error, hide_parameters=True, dialect=connection.dialect
            ) from error

    def prepare(self, arrived: int) -> None:
        """Make the partitions of that month and the next unless they are there."""
        month = Month.of(arrived)
        if month in self._months:
            return
        wanted = {month, month.next}
        with self.transaction(Hold.NOTHING) as connection:
            missing = wanted - {one.month for one in partitions(connection)}
        if missing:
            with self.transaction(Hold.ALONE) as connection:
                for one in sorted(missing):
                    create_partition(connection, one)
        self._months = {month}

    def drop_until(self, position: int) -> None:
        """Drop the partitions in which all is archived, but the newest in which there is something."""
        with self.transaction(Hold.ALONE) as connection:
            highest = [(one.month, highest_position(connection, one.month)) for one in partitions(connection)]
            filled = [month for month, place in highest if place is not None]
            for month, place in highest:
                if month < max(filled, default=month) and (place is None or place <= position):
                    drop_partition(connection, month)

    def recover(self) -> None:
        """Take another connection next time."""
        self._months.clear()
        self._engine.dispose()

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()


def migrate_postgres(address: ServerAddress, *, timeouts: Timeouts, progress: Progress | None) -> tuple[str, Converted]:
    """Convert the log in the database at `address` in one transaction: the revision that it had, what was converted.

    Raises:
        UnusableError: there is none, it cannot be opened, or it is newer.

    """
    engine = open_server_engine(address, timeouts, used_by=f"the decision log `{address.shown}`")
    with opening(address, engine):
        return upgrade_tables(engine, [_UNBOUNDED, _ALONE], address, progress)
