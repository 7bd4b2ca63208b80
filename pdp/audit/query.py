"""Questions to the decision log."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Connection

from pdp.audit.reading import (
    Found,
    altered,
    every,
    is_named,
    is_tool,
    is_within,
    may_be,
    may_be_actor,
    may_be_principal,
    may_be_tool,
    may_be_within,
    newest,
    of_kind,
    oldest,
    rows_of,
)
from pdp.audit.tables import records, short
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord, OutcomeRecord, Record
from pdp.core.contract.record_terms import Effect

DEFAULT_LIMIT: Final = 100

_BATCH: Final = 500


class Order(StrEnum):
    """Which decisions are the newest: by their writer's clock, or by when they came here."""

    TIME = "time"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Query:
    """Which decisions to find; what is None does not restrict. Of more than `limit`, the newest are given.

    `principal` and `actor` are an exact id or the part after the issuer's alias, `tool` is a name or
    `server/name`, `since` (inclusive) and `until` (exclusive) are RFC 3339 UTC with milliseconds, and
    `after` is the position of the last entry seen: with it, the oldest after that one are given.
    """

    principal: str | None = None
    actor: str | None = None
    effect: Effect | None = None
    reason_code: ReasonCode | None = None
    tool: str | None = None
    server: str | None = None
    method: str | None = None
    since: str | None = None
    until: str | None = None
    after: int | None = None
    order: Order = Order.TIME
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision with what became of it; `position` counts arrivals."""

    position: int
    decision: DecisionRecord
    outcomes: tuple[OutcomeRecord, ...] = ()


def find_entries(connection: Connection, query: Query) -> list[Entry]:
    """The entries that `query` asks for, oldest first.

    Raises:
        StoreUnavailableError: a record among them was altered.

    """
    found = [(one.position, _decision(one)) for one in _find(connection, query)]
    fates = _outcomes(connection, [decision for _, decision in found])
    return [Entry(at, decision, tuple(fates.get((decision.writer, decision.id), ()))) for at, decision in found]


def _find(connection: Connection, query: Query) -> list[Found]:
    chosen = rows_of(of_kind("decision"), *_conditions(query))

    def is_meant(record: Record) -> bool:
        return not isinstance(record, DecisionRecord) or _is_meant(record, query)

    if query.after is not None:
        return oldest(connection, chosen.where(records.c.position > query.after), query.limit, is_meant=is_meant)
    return newest(connection, chosen, query.limit, is_meant=is_meant, by_time=query.order is Order.TIME)


def _decision(found: Found) -> DecisionRecord:
    if not isinstance(found.sealed.record, DecisionRecord):
        raise altered(found.position)
    return found.sealed.record


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    columns = records.c
    conditions: list[ColumnElement[bool]] = [*may_be_within(query.since, query.until)]
    if query.effect is not None:
        conditions.append(columns.effect == query.effect.value)
    if query.reason_code is not None:
        conditions.append(columns.reason_code == query.reason_code.value)
    if query.server is not None:
        conditions.append(may_be(columns.server, query.server))
    if query.method is not None:
        conditions.append(may_be(columns.method, query.method))
    if query.principal is not None:
        conditions.append(may_be_principal(query.principal))
    if query.actor is not None:
        conditions.append(may_be_actor(query.actor))
    if query.tool is not None:
        conditions.append(may_be_tool(query.tool))
    return conditions


def _is_meant(record: DecisionRecord, query: Query) -> bool:
    return (
        query.effect in {None, record.effect}
        and query.reason_code in {None, record.reason_code}
        and query.server in {None, record.server}
        and query.method in {None, record.method}
        and is_named(query.principal, record.principal)
        and is_named(query.actor, record.actor)
        and is_tool(query.tool, server=record.server, tool=record.tool)
        and is_within(record.time, since=query.since, until=query.until)
    )


def _outcomes(connection: Connection, found: Sequence[DecisionRecord]) -> dict[tuple[str, str], list[OutcomeRecord]]:
    """By writer and decision: what one enforcer says of a call is never shown as another's."""
    fates: dict[tuple[str, str], list[OutcomeRecord]] = {}
    ids = [short(decision.id) for decision in found]
    for start in range(0, len(ids), _BATCH):
        wanted = rows_of(of_kind("outcome"), records.c.decision.in_(ids[start : start + _BATCH]))
        for one in every(connection, wanted, is_meant=lambda _: True):
            outcome = one.sealed.record
            if not isinstance(outcome, OutcomeRecord):
                raise altered(one.position)
            fates.setdefault((outcome.writer, outcome.decision), []).append(outcome)
    return fates
