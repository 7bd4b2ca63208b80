"""Questions to the decision log."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from pdp.audit.tables import decision_of, decisions, outcome_of, outcomes
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord, Effect, OutcomeRecord

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
    """The entries that `query` asks for, oldest first."""
    rows = [dict(row) for row in connection.execute(_statement(query)).mappings()]
    if query.after is None:
        rows.reverse()
    found = [(row["position"], decision_of(row)) for row in rows]
    fates = _outcomes(connection, [decision for _, decision in found])
    return [Entry(at, decision, tuple(fates.get((decision.writer, decision.id), ()))) for at, decision in found]


def _statement(query: Query) -> Select[Any]:
    columns = decisions.c
    chosen = select(decisions).where(*_conditions(query)).limit(query.limit)
    if query.after is not None:
        return chosen.where(columns.position > query.after).order_by(columns.position)
    if query.order is Order.ARRIVAL:
        return chosen.order_by(columns.position.desc())
    return chosen.order_by(columns.time.desc(), columns.position.desc())


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    columns = decisions.c
    equal = {
        columns.effect: query.effect,
        columns.reason_code: query.reason_code,
        columns.server: query.server,
        columns.method: query.method,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if query.principal is not None:
        conditions.append(or_(columns.principal == query.principal, columns.principal_name == query.principal))
    if query.actor is not None:
        conditions.append(or_(columns.actor == query.actor, columns.actor.endswith("|" + query.actor, autoescape=True)))
    if query.tool is not None:
        conditions.append(_is_tool(query.tool))
    if query.since is not None:
        conditions.append(columns.time >= query.since)
    if query.until is not None:
        conditions.append(columns.time < query.until)
    return conditions


def _is_tool(tool: str) -> ColumnElement[bool]:
    server, slash, name = tool.partition("/")
    exact = decisions.c.tool == tool
    return or_(exact, and_(decisions.c.server == server, decisions.c.tool == name)) if slash else exact


def _outcomes(connection: Connection, found: Sequence[DecisionRecord]) -> dict[tuple[str, str], list[OutcomeRecord]]:
    """By writer and decision: what one enforcer says of a call is never shown as another's."""
    fates: dict[tuple[str, str], list[OutcomeRecord]] = {}
    ids = [decision.id for decision in found]
    for start in range(0, len(ids), _BATCH):
        wanted = outcomes.c.decision.in_(ids[start : start + _BATCH])
        for row in connection.execute(select(outcomes).where(wanted).order_by(outcomes.c.position)).mappings():
            outcome = outcome_of(dict(row))
            fates.setdefault((outcome.writer, outcome.decision), []).append(outcome)
    return fates
