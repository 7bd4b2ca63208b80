"""Opening an SQLite file: private to its owner, a write-ahead log, one connection, and the file that was named."""

import errno
import os
import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from pdp.core.contract.exact_json import canonical

BUSY_TIMEOUT_SECONDS: Final = 5.0


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


def pragma(connection: Connection, name: str) -> int:
    """The number that SQLite keeps under `name`."""
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
