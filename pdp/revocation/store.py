"""The store of revocations, which every decision point may share."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, exc, func, insert, select, update

from pdp.core.contract.errors import Refused, ToolgateError, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import Revocation, RevocationKind, RevocationSet, check_name, check_reason
from pdp.database.address import ServerAddress
from pdp.database.causes import cause
from pdp.revocation.places import FilePlace, RevocationPlace, ServerPlace
from pdp.revocation.tables import changes, counter, revocation_of, revocations

MAX_IN_FORCE: Final = 10_000
"""Revocations in force at once: every enforcer holds all of them."""

_LAST_INSTANT: Final = 253_402_300_799.0


class RevocationsUnavailableError(ToolgateError):
    """The store of revocations cannot be read or written now."""


class Change(StrEnum):
    """What was done to the set."""

    REVOKE = "revoke"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Order:
    """Something to revoke; `until` is Unix seconds, None for good.

    Raises:
        Refused: `request_invalid`.

    """

    kind: RevocationKind
    id: str
    reason: str = ""
    until: float | None = None

    def __post_init__(self) -> None:
        check_name(self.kind, self.id)
        check_reason(self.reason)


class RevocationStore:
    """Keeps revocations in the SQLite file or the PostgreSQL database `at`; its methods block, from any thread.

    INVARIANT: changes are numbered from 1 without a gap, whichever process makes them.

    Raises:
        UnusableError: it cannot be opened, is something else, or has another version's tables.

    """

    def __init__(self, at: Path | ServerAddress) -> None:
        with _opening(str(at) if isinstance(at, Path) else at.shown):
            self._place: RevocationPlace = FilePlace(at) if isinstance(at, Path) else ServerPlace(at)
        self._lock = threading.Lock()

    def revoke(self, order: Order, *, by: str, now: float) -> Revocation:
        """Put `order` in force at Unix time `now`; what is in force already never ends sooner by it.

        Raises:
            Refused: `request_invalid` for an end that is over, `limit_exceeded` where too much is in force.
            RevocationsUnavailableError: it is not in force.

        """
        if order.until is not None and not now < order.until <= _LAST_INSTANT:
            text = "a revocation ends after now and before the year 10000"
            raise Refused(ReasonCode.REQUEST_INVALID, text, caller_text=text)
        with self._transaction() as connection:
            _prune(connection, now)
            until = _longer(order, _standing(connection, order.kind, order.id))
            _drop(connection, order.kind, order.id)
            _check_room(connection)
            made = Revocation(
                sequence=_next(connection),
                kind=order.kind,
                id=order.id,
                reason=order.reason,
                by=by,
                at=rfc3339(now),
                until=until,
            )
            row = msgspec.to_builtins(made)
            connection.execute(insert(revocations).values(row))
            connection.execute(insert(changes).values({**row, "change": Change.REVOKE.value}))
        return made

    def lift(self, kind: RevocationKind, identifier: str, *, by: str, reason: str, now: float) -> int | None:
        """The number of the change that ends a revocation, None where none is in force.

        Raises:
            Refused: `request_invalid`.
            RevocationsUnavailableError: it is not ended.

        """
        check_name(kind, identifier)
        check_reason(reason)
        with self._transaction() as connection:
            _prune(connection, now)
            if _standing(connection, kind, identifier) is None:
                return None
            _drop(connection, kind, identifier)
            lifted = Revocation(_next(connection), kind, identifier, reason, by, rfc3339(now))
            connection.execute(insert(changes).values({**msgspec.to_builtins(lifted), "change": Change.LIFT.value}))
        return lifted.sequence

    def sequence(self) -> int:
        """The number of the newest change, 0 before the first.

        Raises:
            RevocationsUnavailableError: it cannot be read.

        """
        with self._lock, _using(), self._place.reading() as connection:
            return _sequence(connection)

    def read(self) -> RevocationSet:
        """All that is in force, and what is over but was not cleared away yet.

        Raises:
            RevocationsUnavailableError: it cannot be read.

        """
        with self._lock, _using(), self._place.reading() as connection:
            rows = connection.execute(select(revocations).order_by(revocations.c.sequence)).mappings()
            return RevocationSet(_sequence(connection), tuple(revocation_of(row) for row in rows))

    def close(self) -> None:
        """Let go of files and connections."""
        self._place.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._lock, _using(), self._place.writing() as connection:
            yield connection


def _sequence(connection: Connection) -> int:
    return int(connection.execute(select(counter.c.sequence)).scalar_one())


def _next(connection: Connection) -> int:
    """The next number; the row stays locked until the transaction ends, so numbers commit in their order."""
    connection.execute(update(counter).values(sequence=counter.c.sequence + 1))
    return _sequence(connection)


def _prune(connection: Connection, now: float) -> None:
    connection.execute(delete(revocations).where(revocations.c.until <= rfc3339(now)))


def _standing(connection: Connection, kind: RevocationKind, identifier: str) -> Revocation | None:
    found = select(revocations).where(revocations.c.kind == kind.value, revocations.c.id == identifier)
    row = connection.execute(found).mappings().first()
    return None if row is None else revocation_of(row)


def _drop(connection: Connection, kind: RevocationKind, identifier: str) -> None:
    connection.execute(
        delete(revocations).where(revocations.c.kind == kind.value, revocations.c.id == identifier),
    )


def _longer(order: Order, standing: Revocation | None) -> str | None:
    """The later end of the two; both are texts of one form, which sort by time."""
    wanted = None if order.until is None else rfc3339(order.until)
    if standing is None or wanted is None:
        return wanted
    return None if standing.until is None else max(standing.until, wanted)


def _check_room(connection: Connection) -> None:
    held = int(connection.execute(select(func.count()).select_from(revocations)).scalar_one())
    if held >= MAX_IN_FORCE:
        text = f"{MAX_IN_FORCE} revocations are in force: let some end, or forbid by policy"
        raise Refused(ReasonCode.LIMIT_EXCEEDED, text, caller_text=text)


@contextmanager
def _opening(place: str) -> Iterator[None]:
    try:
        with _using():
            yield
    except RevocationsUnavailableError as error:
        raise UnusableError(f"`{place}`: {error}") from error


@contextmanager
def _using() -> Iterator[None]:
    """Whatever the database raises, or a row that is no revocation, is a RevocationsUnavailableError."""
    try:
        yield
    except exc.DBAPIError as error:
        raise RevocationsUnavailableError(f"the revocations cannot be used: {cause(error.orig)}") from error
    except sqlite3.Error as error:
        raise RevocationsUnavailableError(f"the revocations cannot be used: {error}") from error
    except (exc.SQLAlchemyError, msgspec.MsgspecError, ValueError) as error:
        raise RevocationsUnavailableError(f"the revocations cannot be used: {type(error).__name__}") from error
    except OSError as error:
        raise RevocationsUnavailableError(f"the revocations cannot be used: {error.strerror}") from error
