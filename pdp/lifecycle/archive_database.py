"""An archive in an SQL database: a file of SQLite's, or any other that SQLAlchemy reaches."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    exc,
    insert,
    make_url,
    select,
    update,
)

from pdp.core.bundle.content import LIMITS
from pdp.core.contract.digest import digest_of, is_digest
from pdp.core.contract.errors import UnusableError
from pdp.database.address import ServerAddress, address_of
from pdp.database.server_engine import Timeouts, open_server_engine
from pdp.database.sqlite_file import Access, Place, create_private, open_engine, pragma
from pdp.lifecycle.archive import Archived, ArchiveError, NotArchivedError

APPLICATION_ID: Final = 0x54474241
"""Written into the header of an SQLite file, so that another database is not taken for this one."""

_metadata: Final = MetaData()
_bundles: Final = Table(
    "toolgate_bundles",
    _metadata,
    Column("digest", String(71), primary_key=True),
    Column("content", LargeBinary(LIMITS.max_bytes), nullable=False),
    Column("archived_at", Double, nullable=False),
)


class DatabaseArchive:
    """Keeps contents at `url`; a relative path of SQLite's is relative to `base`, a new file is 0600.

    The table is made when it is first needed: a database that is away now may be there when it is.

    Raises:
        UnusableError: `url` names no database, its driver is missing, or the file is another's.

    """

    def __init__(self, url: str, *, base: Path) -> None:
        self._lock = threading.Lock()
        self._place: Place | None = None
        self._is_made = False
        try:
            parsed, address = make_url(url), address_of(url, base=base)
            if isinstance(address, ServerAddress):
                used_by = f"the archive of bundles `{address.shown}`"
                self._engine = open_server_engine(address, Timeouts(), used_by=used_by)
            elif parsed.get_backend_name() == "sqlite":
                self._engine = self._open_file(_file_of(parsed.database, query=bool(parsed.query)), base)
            else:
                self._engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
        except (exc.SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
            raise UnusableError(f"the archive's database cannot be opened: {_cause(error)}") from error

    def put(self, digest: str, content: bytes, *, now: float) -> None:
        """Keep `content`."""
        if digest_of(content) != digest:
            raise ArchiveError("the content has another digest")
        try:
            with self._transaction() as connection:
                if not _touched(connection, digest, now):
                    connection.execute(insert(_bundles).values(digest=digest, content=content, archived_at=now))
        except _TakenError:
            with self._transaction() as connection:
                if not _touched(connection, digest, now):
                    raise

    def get(self, digest: str) -> bytes:
        """The content with that digest, checked."""
        _check(digest)
        with self._transaction() as connection:
            found = connection.execute(select(_bundles.c.content).where(_bundles.c.digest == digest)).scalar()
        if found is None:
            raise NotArchivedError("no bundle with that digest is kept in the database")
        if digest_of(found) != digest:
            raise ArchiveError(f"the bundle {digest} is not what was put there: its digest is another")
        return bytes(found)

    def entries(self) -> Sequence[Archived]:
        """All that is kept."""
        with self._transaction() as connection:
            rows = connection.execute(select(_bundles.c.archived_at, _bundles.c.digest))
            return [Archived(at, digest) for at, digest in rows]

    def remove(self, digest: str) -> None:
        """Keep that content no longer."""
        _check(digest)
        with self._transaction() as connection:
            connection.execute(delete(_bundles).where(_bundles.c.digest == digest))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _open_file(self, name: str, base: Path) -> Engine:
        path = base / name
        create_private(path)
        engine = open_engine(path, Access.WRITE)
        with engine.begin() as connection:
            _create_or_check(connection, path)
        self._place, self._is_made = Place(path), True
        return engine

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._lock:
                if self._place is not None:
                    self._place.check()
                if not self._is_made:
                    _metadata.create_all(self._engine)
                    self._is_made = True
                with self._engine.begin() as connection:
                    yield connection
        except exc.IntegrityError as error:
            raise _TakenError("the digest is there by now") from error
        except (exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            # The cause may quote values; its type says enough.
            raise ArchiveError(f"the archive's database cannot be used: {_cause(error)}") from error


class _TakenError(ArchiveError):
    """Somebody else put it there in the meantime."""


def _check(digest: str) -> None:
    if not is_digest(digest):
        raise NotArchivedError("this is no digest of a bundle")


def _touched(connection: Connection, digest: str, now: float) -> int:
    return connection.execute(update(_bundles).where(_bundles.c.digest == digest).values(archived_at=now)).rowcount


def _file_of(database: str | None, *, query: bool) -> str:
    if not database or database == ":memory:" or query:
        raise UnusableError("an archive needs a file to be kept in: write `sqlite:///bundles.db`")
    return database


def _create_or_check(connection: Connection, path: Path) -> None:
    if pragma(connection, "application_id") == 0 and not connection.exec_driver_sql("PRAGMA schema_version").scalar():
        _metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise UnusableError(f"`{path}` is no archive of bundles: name another file")


def _cause(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
