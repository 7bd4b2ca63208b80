"""Opening an SQLite file that holds a decision log, and only such a file."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, exc, inspect

from pdp.audit.store import SCHEMA_VERSION
from pdp.audit.tables import metadata
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.exact_json import canonical

BUSY_TIMEOUT_SECONDS: Final = 5.0
APPLICATION_ID: Final = 0x54474C47
"""Written into the file's header, so that another program's database is not taken for a log."""


class Access(StrEnum):
    """What a connection may do: the SQLite URI's `mode`."""

    READ = "ro"
    WRITE = "rw"


def open_engine(
    path: Path, access: Access, *, synchronous: str = "FULL", busy_timeout: float = BUSY_TIMEOUT_SECONDS
) -> Engine:
    """An engine with one connection to `path`; a writer takes the write lock when its transaction begins.

    `busy_timeout` is how many seconds to wait for a lock that another process holds.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode={access}"
    begin = "BEGIN IMMEDIATE" if access is Access.WRITE else "BEGIN"

    def connect() -> sqlite3.Connection:
        # Not through a URL of SQLAlchemy's, since a path may hold any character. `isolation_level`: the
        # driver begins no transactions of its own.
        connection = sqlite3.connect(uri, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
        if access is Access.WRITE:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute(f"PRAGMA synchronous = {synchronous}")
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        json_serializer=lambda value: canonical(value).decode(),
        json_deserializer=msgspec.json.decode,
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def create_private(path: Path) -> None:
    """Make an empty file with mode 0600 unless there is one; SQLite's side files take their mode from it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Place:
    """Whether a file and its write-ahead log are still those that were opened.

    SQLite goes on writing to a file that was moved or removed, and nobody would find those records.
    """

    def __init__(self, path: Path) -> None:
        self._opened: dict[Path, tuple[int, int]] = {}
        self._paths = (path, path.with_name(f"{path.name}-wal"))
        self.check()

    def check(self) -> None:
        """Pass when they are.

        Raises:
            FileNotFoundError: one of them is not.

        """
        for path in self._paths:
            try:
                status = path.stat()
            except FileNotFoundError:
                if path not in self._opened:
                    continue
                raise
            if self._opened.setdefault(path, (status.st_dev, status.st_ino)) != (status.st_dev, status.st_ino):
                raise FileNotFoundError(errno.ENOENT, "it was replaced by another file", str(path))


def create_or_check(connection: Connection, path: Path) -> None:
    """Make the tables in an empty database, or check that they are those of this version.

    Raises:
        UnusableError: it is another program's, or another version's.

    """
    if not inspect(connection).get_table_names() and _pragma(connection, "application_id") == 0:
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    check(connection, path)


def check(connection: Connection, path: Path) -> None:
    """Check that the database holds a decision log of this version.

    Raises:
        UnusableError: it is another program's, or another version's.

    """
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise UnusableError(f"`{path}` is no decision log: name another file in `pdp.log.url`")
    version = _pragma(connection, "user_version")
    if version != SCHEMA_VERSION:
        text = f"`{path}` is a decision log of version {version}, this program reads version {SCHEMA_VERSION}"
        raise UnusableError(f"{text}: keep it for the program that wrote it and name another file in `pdp.log.url`")


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Whatever keeps the file at `path` from being opened becomes an UnusableError."""
    try:
        yield
    except exc.DBAPIError as error:
        raise UnusableError(f"the decision log `{path}` cannot be opened: {error.orig}") from error
    except sqlite3.Error as error:
        raise UnusableError(f"the decision log `{path}` cannot be opened: {error}") from error
    except OSError as error:
        raise UnusableError(f"the decision log `{path}` cannot be opened: {error.strerror}") from error


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
