"""An SQLite file that holds a decision log, and only such a file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, exc, inspect

from pdp.audit.store import SCHEMA_VERSION
from pdp.audit.tables import metadata
from pdp.core.contract.errors import UnusableError
from pdp.database.sqlite_file import pragma

APPLICATION_ID: Final = 0x54474C47
"""Written into the file's header, so that another program's database is not taken for a log."""


def create_or_check(connection: Connection, path: Path) -> None:
    """Make the tables in an empty database, or check that they are those of this version.

    Raises:
        UnusableError: it is another program's, or another version's.

    """
    if not inspect(connection).get_table_names() and pragma(connection, "application_id") == 0:
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    check(connection, path)


def check(connection: Connection, path: Path) -> None:
    """Check that the database holds a decision log of this version.

    Raises:
        UnusableError: it is another program's, or another version's.

    """
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise UnusableError(f"`{path}` is no decision log: name another file in `pdp.log.url`")
    version = pragma(connection, "user_version")
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
