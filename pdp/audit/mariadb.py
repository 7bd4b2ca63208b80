"""The decision log in a MariaDB database: many writers, one table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, exc, text

from pdp.audit.append import STORED_COLUMNS
from pdp.audit.log_database import Hold
from pdp.audit.server_log import isolated, opening, prepare_tables
from pdp.audit.versions import check_unchanged, written_version
from pdp.database.address import ServerAddress
from pdp.database.server_engine import Timeouts, open_server_engine
from pdp.database.sqlite_file import Access

_MAKING: Final = text("SELECT GET_LOCK(CONCAT('toolgate log ', DATABASE()), @@innodb_lock_wait_timeout)")
_SHARED: Final = text("SELECT log FROM about LOCK IN SHARE MODE")
_ALONE: Final = text("SELECT log FROM about FOR UPDATE")
_HELD: Final = {Hold.APPEND: _SHARED, Hold.ALONE: _ALONE}
_MARKS: Final = ", ".join(["%s"] * len(STORED_COLUMNS))
_INSERT: Final = f"INSERT INTO records ({', '.join(f'`{one}`' for one in STORED_COLUMNS)}) VALUES ({_MARKS})"  # noqa: S608 - constants


class MariadbLog:
    """The log in the database at `address`; to write, its tables are made where there are none.

    Raises:
        UnusableError: it cannot be used, or has another version's tables.

    """

    def __init__(self, address: ServerAddress, access: Access, *, timeouts: Timeouts) -> None:
        self._engine = open_server_engine(address, timeouts, used_by=f"the decision log `{address.shown}`")
        with opening(address, self._engine):
            prepare_tables(self._engine, _MAKING, address, access)

    @property
    def unfit(self) -> tuple[type[Exception], ...]:
        """What a value brings about that MariaDB does not take."""
        return (exc.DataError, UnicodeError)

    @contextmanager
    def transaction(self, hold: Hold) -> Iterator[Connection]:
        """A transaction that holds the one row of `about`, shared or alone."""
        with isolated(self._engine, hold) as connection:
            if hold in _HELD:
                connection.execute(_HELD[hold])
            check_unchanged(written_version(connection))
            yield connection

    def insert_rows(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows of `STORED_COLUMNS`, many in a statement."""
        connection.exec_driver_sql(_INSERT, list(rows))

    def prepare(self, arrived: int) -> None:
        """There is nothing to prepare."""

    def drop_until(self, position: int) -> None:
        """Nothing: there are no partitions."""

    def recover(self) -> None:
        """Take another connection next time."""
        self._engine.dispose()

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()
