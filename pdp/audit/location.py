"""Where `pdp.log.url` points to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from pdp.audit.log_database import Hold, LogDatabase, store_errors
from pdp.audit.sqlite import SqliteLog, SqliteReader, SqliteStore
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import LogSettings
from pdp.database.sqlite_file import Access

_SQLITE: Final = "sqlite:///"


def open_store(log: LogSettings, *, base: Path) -> SqliteStore:
    """The store of `log`, to write; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    return SqliteStore(file_of(log.url, base=base))


def open_reader(url: str, *, base: Path) -> SqliteReader:
    """The log at `url`, to read; a relative path in it is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    return SqliteReader(file_of(url, base=base))


def file_of(url: str, *, base: Path) -> Path:
    """The file that `url` (`sqlite:///relative.db`, `sqlite:////absolute.db`) names.

    Raises:
        UnusableError: it is of another kind.

    """
    path = url.removeprefix(_SQLITE)
    if path == url or not path or path == ":memory:" or "?" in path or "\0" in path:
        raise UnusableError(f"`{url}` names no decision log: write `sqlite:///toolgate.db`")
    return base / path


def open_database(log: LogSettings, access: Access, *, base: Path) -> LogDatabase:
    """The database with the log of the settings; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    return SqliteLog(file_of(log.url, base=base), access)


@contextmanager
def open_snapshot(log: LogSettings, *, base: Path) -> Iterator[Connection]:
    """A connection to the log of the settings that sees one state of it, whatever is appended meanwhile.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.
        StoreUnavailableError: it cannot be read now.

    """
    database = open_database(log, Access.READ, base=base)
    try:
        with store_errors(), database.transaction(Hold.NOTHING) as connection:
            yield connection
    finally:
        database.close()
