"""What logs in databases of servers have in common: making their tables, and what is said when that fails."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, TextClause, exc

from pdp.audit.log_database import Hold
from pdp.audit.migrate import Converted, Progress, upgrade
from pdp.audit.versions import HEAD, OLDEST, check_version, version_of
from pdp.core.contract.errors import UnusableError
from pdp.database.address import ServerAddress
from pdp.database.causes import cause
from pdp.database.sqlite_file import Access


def prepare_tables(engine: Engine, alone: TextClause, address: ServerAddress, access: Access) -> None:
    """Make the tables where there are none and `access` is to write, or check that they are of this version.

    `alone` is the statement that keeps others from making them meanwhile.

    Raises:
        UnusableError: there are none to read, or they are of another version.

    """
    with engine.begin() as connection:
        version = version_of(connection)
    # MariaDB has no transactions for tables, and no log of version 4: such a one is being made, or never was finished.
    unfinished = {None} if engine.dialect.name == "postgresql" else {None, OLDEST}
    if version in unfinished and access is Access.WRITE:
        with engine.begin() as connection:
            if connection.execute(alone).scalar() == 0:
                raise UnusableError(f"another process makes the decision log `{address.shown}` just now: try again")
            if version_of(connection) in unfinished:
                upgrade(connection)
            version = version_of(connection)
        # MariaDB's lock is the connection's, not the transaction's.
        engine.dispose()
    check_version(version, place=address.shown)


def upgrade_tables(
    engine: Engine, alone: Sequence[TextClause], address: ServerAddress, progress: Progress | None
) -> tuple[str, Converted]:
    """Convert the tables, after `alone`, while nobody appends: the revision that they had, what was converted.

    Raises:
        UnusableError: there are none, or they are newer.

    """
    with engine.begin() as connection:
        for statement in alone:
            connection.execute(statement)
        before, converted = version_of(connection), Converted()
        if before is not None and before < HEAD:
            converted = upgrade(connection, progress=progress)
        check_version(version_of(connection), place=address.shown)
    return before or HEAD, converted


@contextmanager
def isolated(engine: Engine, hold: Hold) -> Iterator[Connection]:
    """A transaction whose statements see what was committed before each, or, for a snapshot, before the first."""
    with engine.connect() as connection:
        if hold is Hold.SNAPSHOT:
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def opening(address: ServerAddress, engine: Engine) -> Iterator[None]:
    """Whatever keeps the database at `address` from being used becomes an UnusableError; the engine is let go then."""
    try:
        yield
    except exc.DBAPIError as error:
        engine.dispose()
        raise UnusableError(f"the decision log `{address.shown}` cannot be opened: {cause(error.orig)}") from error
    except (exc.SQLAlchemyError, OSError) as error:
        engine.dispose()
        kind = type(error).__name__
        raise UnusableError(f"the decision log `{address.shown}` cannot be opened: {kind}") from error
    except UnusableError:
        engine.dispose()
        raise
