"""A decision log in each kind of database that one may be in, for tests that hold for all of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdp.audit.location import open_reader, open_store
from pdp.audit.query import Entry, Query
from pdp.audit.sql_store import SqlReader, SqlStore
from pdp.core.settings.decision_point import LogSettings
from tests.database_servers import Server

KINDS = ("sqlite", "postgresql", "mariadb")


@dataclass
class LogPlace:
    """Where a log is, or will be; `server` is None for SQLite."""

    kind: str
    url: str
    server: Server | None = None

    @contextmanager
    def store(self, **timeouts: Any) -> Iterator[SqlStore]:
        settings = LogSettings.model_validate({"url": self.url, "lock_timeout": "2s"} | timeouts)
        with closing(open_store(settings, base=Path("/nowhere"))) as opened:
            yield opened

    @contextmanager
    def reader(self) -> Iterator[SqlReader]:
        with closing(open_reader(LogSettings(url=self.url), base=Path("/nowhere"))) as opened:
            yield opened

    def find(self, query: Query | None = None) -> list[Entry]:
        with self.reader() as reader:
            return reader.find(query or Query(limit=10_000))

    def execute(self, sql: str) -> list[Any]:
        """What somebody beside the program gets for `sql`."""
        if self.server is not None:
            return self.server.execute(sql, database=self.url.rpartition("/")[2])
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            return connection.execute(sql).fetchall()


def sqlite_place(folder: Path) -> LogPlace:
    return LogPlace("sqlite", f"sqlite:///{folder / 'log #1.db'}")


def server_place(kind: str, server: Server) -> LogPlace:
    return LogPlace(kind, server.database(), server)
