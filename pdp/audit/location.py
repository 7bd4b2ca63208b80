"""Where `pdp.log.url` points to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from pdp.audit.log_database import Hold, LogDatabase, store_errors
from pdp.audit.mariadb import MariadbLog
from pdp.audit.migrate import Converted, Progress
from pdp.audit.postgres import PostgresLog, migrate_postgres
from pdp.audit.sql_store import SqlReader, SqlStore
from pdp.audit.sqlite import SqliteLog, migrate_sqlite
from pdp.audit.versions import HEAD
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import LogSettings
from pdp.database.address import FileAddress, ServerAddress, address_of, without_secrets
from pdp.database.server_engine import Timeouts
from pdp.database.sqlite_file import Access

_FORMS: Final = "write `sqlite:///toolgate.db`, `postgresql://user@host/database` or `mariadb://user@host/database`"


def open_store(log: LogSettings, *, base: Path) -> SqlStore:
    """The store of `log`, to write; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    return SqlStore(open_database(log, Access.WRITE, base=base))


def open_reader(log: LogSettings, *, base: Path) -> SqlReader:
    """The log of the settings, to read; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    return SqlReader(open_database(log, Access.READ, base=base))


def open_database(log: LogSettings, access: Access, *, base: Path) -> LogDatabase:
    """The database with the log of the settings; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    address, timeouts = log_address(log.url, base=base), _timeouts(log)
    if isinstance(address, FileAddress):
        return SqliteLog(address.path, access, lock_timeout=timeouts.lock)
    if address.is_postgresql:
        return PostgresLog(address, access, timeouts=timeouts)
    return MariadbLog(address, access, timeouts=timeouts)


@contextmanager
def open_snapshot(log: LogSettings, *, base: Path) -> Iterator[Connection]:
    """A connection to the log of the settings that sees one state of it, whatever is appended meanwhile.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.
        StoreUnavailableError: it cannot be read now.

    """
    database = open_database(log, Access.READ, base=base)
    try:
        with store_errors(), database.transaction(Hold.SNAPSHOT) as connection:
            yield connection
    finally:
        database.close()


def migrate_log(log: LogSettings, *, base: Path, progress: Progress | None = None) -> tuple[str, Converted]:
    """Convert the log of the settings to the newest version: the revision that it had, what was converted.

    Raises:
        UnusableError: there is none, it cannot be opened or converted, or it is newer.

    """
    address, timeouts = log_address(log.url, base=base), _timeouts(log)
    if isinstance(address, FileAddress):
        return migrate_sqlite(address.path, lock_timeout=timeouts.lock, progress=progress)
    if address.is_postgresql:
        return migrate_postgres(address, timeouts=timeouts, progress=progress)
    # No log of an older version is on MariaDB: there is nothing to convert, but a newer one to be told.
    MariadbLog(address, Access.READ, timeouts=timeouts).close()
    return HEAD, Converted()


def log_address(url: str, *, base: Path) -> FileAddress | ServerAddress:
    """What `url` names (`sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://...`, `mariadb://...`).

    Raises:
        UnusableError: it is of another kind.

    """
    address = address_of(url, base=base)
    if address is None:
        raise UnusableError(f"`{without_secrets(url)}` names no decision log: {_FORMS}")
    return address


def _timeouts(log: LogSettings) -> Timeouts:
    return Timeouts(connect=log.connect_timeout, lock=log.lock_timeout, statement=log.statement_timeout)
