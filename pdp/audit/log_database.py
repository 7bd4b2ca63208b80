"""The port to the database that holds a log: what differs between SQLite, PostgreSQL and MariaDB."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import Connection, exc

from pdp.audit.store import RecordUnfitError, StoreUnavailableError
from pdp.database.causes import cause

CANNOT: Final = "the decision log cannot be used"

_POSTGRESQL_DEADLOCK: Final = "40P01"
_MARIADB_DEADLOCK: Final = 1213


class DeadlockError(StoreUnavailableError):
    """Two transactions waited for each other and this one was undone; done again, it can succeed."""


class Hold(StrEnum):
    """What a transaction holds of the log, until it ends."""

    APPEND = "append"
    """Others may append too."""
    ALONE = "alone"
    """Nobody else appends, and what others appended is committed."""
    SNAPSHOT = "snapshot"
    """Nothing, but all its statements see one state of the log."""
    NOTHING = "nothing"


class LogDatabase(Protocol):
    """One database with a log in it; belongs to one thread at a time."""

    @property
    def unfit(self) -> tuple[type[Exception], ...]:
        """What is raised for a value that it cannot store."""
        ...

    def transaction(self, hold: Hold) -> AbstractContextManager[Connection]:
        """A connection in a transaction with that `hold`.

        Raises:
            StoreUnavailableError: the log has another version by now, or is not where it was.

        """
        ...

    def insert_rows(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows of `append.STORED_COLUMNS` into `records`."""
        ...

    def prepare(self, arrived: int) -> None:
        """See to it that records of that arrival (Unix milliseconds) can be inserted."""
        ...

    def recover(self) -> None:
        """Let go of what an error may have left unusable."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@contextmanager
def store_errors(unfit: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Whatever a database raises becomes one of the store's two errors, without values of records."""
    try:
        yield
    except unfit as error:
        raise RecordUnfitError(f"a record cannot be stored: {type(error).__name__}") from error
    except exc.DBAPIError as error:
        kind = DeadlockError if _is_deadlock(error.orig) else StoreUnavailableError
        raise kind(f"{CANNOT}: {cause(error.orig)}") from error
    except exc.SQLAlchemyError as error:
        raise StoreUnavailableError(f"{CANNOT}: {type(error).__name__}") from error
    except OSError as error:
        raise StoreUnavailableError(f"{CANNOT}: {error.strerror}") from error


def _is_deadlock(error: BaseException | None) -> bool:
    return getattr(error, "sqlstate", None) == _POSTGRESQL_DEADLOCK or (
        error is not None and error.args[:1] == (_MARIADB_DEADLOCK,)
    )
