"""The databases that logs are measured in."""

import contextlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pdp.core.settings.decision_point import LogMode
from tests.database_servers import Server

_SIZE: Final = (
    "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


class BenchStore(Protocol):
    """One kind of database, with a log of its own for each mode."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def url(self, mode: LogMode) -> str:
        """Where the log is."""
        ...

    def extent(self, mode: LogMode) -> tuple[int, int]:
        """How many records there are, and the bytes that the log has on the disk."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """Files in `folder`."""

    folder: Path
    name: str = "SQLite"

    def url(self, mode: LogMode) -> str:
        return f"sqlite:///{self._path(mode)}"

    def extent(self, mode: LogMode) -> tuple[int, int]:
        with contextlib.closing(sqlite3.connect(self._path(mode))) as log:
            (count,) = log.execute("SELECT count(*) FROM records").fetchone()
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count, self._path(mode).stat().st_size

    def _path(self, mode: LogMode) -> Path:
        return self.folder / f"{mode}.db"


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """Databases of `server`."""

    server: Server
    name: str = "PostgreSQL"
    urls: dict[LogMode, str] = field(default_factory=dict)

    def url(self, mode: LogMode) -> str:
        if mode not in self.urls:
            self.urls[mode] = self.server.database()
        return self.urls[mode]

    def extent(self, mode: LogMode) -> tuple[int, int]:
        database = self.urls[mode].rpartition("/")[2]
        ((count,),) = self.server.execute("SELECT count(*) FROM records", database=database)
        ((size,),) = self.server.execute(_SIZE, database=database)
        return int(count), int(size)


def bench_stores(folder: Path, server: Server) -> list[BenchStore]:
    """Every kind; `server` is PostgreSQL, and its commits reach the disk from now on."""
    server.execute("ALTER SYSTEM SET fsync = on")
    server.execute("SELECT pg_reload_conf()")
    return [SqliteStore(folder), PostgresStore(server)]
