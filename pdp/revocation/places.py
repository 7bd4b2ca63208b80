"""Where revocations are kept: in an SQLite file, or in a schema of a PostgreSQL database."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, inspect, select, text

from pdp.core.contract.errors import UnusableError
from pdp.database.address import ServerAddress
from pdp.database.server_engine import Timeouts, open_server_engine
from pdp.database.sqlite_file import Access, Place, create_private, open_engine, pragma
from pdp.revocation.tables import counter, metadata

APPLICATION_ID: Final = 0x54475256
"""Written into an SQLite file's header, so that another database is not taken for this one."""
SCHEMA_VERSION: Final = 1
SCHEMA: Final = "toolgate_revocations"
"""The schema on PostgreSQL, so that the log and anything else may be in the same database."""

_version: Final = Table("version", MetaData(), Column("number", Integer, primary_key=True))
_MAKING: Final = text(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")


class RevocationPlace(Protocol):
    """A database with the tables of revocations; may be used from any thread."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction beside which nobody else changes anything."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class FilePlace:
    """The file at `path`, created with mode 0600.

    Raises:
        UnusableError: it is something else, or has another version's tables.

    """

    def __init__(self, path: Path) -> None:
        create_private(path)
        self._writing = open_engine(path, Access.WRITE)
        with self._writing.begin() as connection:
            _create_or_check_file(connection, path)
        self._reading = open_engine(path, Access.READ)
        self._place = Place(path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction of the file, if it is still there."""
        self._place.check()
        with self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the file's lock, if it is still there."""
        self._place.check()
        with self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the file."""
        self._reading.dispose()
        self._writing.dispose()


class ServerPlace:
    """The schema `toolgate_revocations` of the PostgreSQL database at `address`, made where there is none.

    Raises:
        UnusableError: it has another version's tables, or the driver is missing.

    """

    def __init__(self, address: ServerAddress) -> None:
        engine = open_server_engine(address, Timeouts(), used_by=f"the store of revocations `{address.shown}`")
        named = engine.execution_options(schema_translate_map={None: SCHEMA})
        self._writing = named
        # One state: a set whose number is newer than what is in it would hide a revocation.
        self._reading = named.execution_options(isolation_level="REPEATABLE READ")
        self._lock = threading.Lock()
        try:
            with self._writing.begin() as connection:
                _create_or_check_schema(connection, address)
        except BaseException:
            engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state."""
        with self._lock, self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the counter's row from its begin on."""
        with self._lock, self._writing.begin() as connection:
            connection.execute(select(counter.c.sequence).with_for_update())
            yield connection

    def close(self) -> None:
        """Close the connection."""
        self._writing.dispose()


def _create_or_check_file(connection: Connection, path: Path) -> None:
    if not inspect(connection).get_table_names() and pragma(connection, "application_id") == 0:
        metadata.create_all(connection)
        connection.execute(insert(counter).values(id=1, sequence=0))
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise UnusableError(f"`{path}` holds no revocations: name another file in `pdp.revocations.url`")
    _check_version(pragma(connection, "user_version"), str(path))


def _create_or_check_schema(connection: Connection, address: ServerAddress) -> None:
    connection.execute(_MAKING)
    if not inspect(connection).has_table(_version.name, schema=SCHEMA):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        metadata.create_all(connection)
        _version.metadata.create_all(connection)
        connection.execute(insert(counter).values(id=1, sequence=0))
        connection.execute(insert(_version).values(number=SCHEMA_VERSION))
    _check_version(int(connection.execute(select(_version.c.number)).scalar_one()), address.shown)


def _check_version(version: int, place: str) -> None:
    if version != SCHEMA_VERSION:
        raise UnusableError(f"`{place}` has revocations of version {version}, this program has {SCHEMA_VERSION}")
