"""Questions to the decision log about tools that are not as they were approved."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from pdp.audit.query import DEFAULT_LIMIT
from pdp.audit.tables import drift_of, drifts
from pdp.core.contract.record import DriftRecord, DriftState


@dataclass(frozen=True, slots=True)
class DriftQuery:
    """Which changes to find; what is None does not restrict. Of more than `limit`, the newest are given.

    `tool` is a name or `server/name`; `since` (inclusive) and `until` (exclusive) are RFC 3339 UTC with
    milliseconds.
    """

    server: str | None = None
    tool: str | None = None
    state: DriftState | None = None
    since: str | None = None
    until: str | None = None
    limit: int = DEFAULT_LIMIT


def find_drifts(connection: Connection, query: DriftQuery) -> list[DriftRecord]:
    """The changes that `query` asks for, oldest first."""
    columns = drifts.c
    chosen = select(drifts).where(*_conditions(query)).limit(query.limit)
    newest = chosen.order_by(columns.time.desc(), columns.position.desc())
    found = [drift_of(dict(row)) for row in connection.execute(newest).mappings()]
    found.reverse()
    return found


def _conditions(query: DriftQuery) -> list[ColumnElement[bool]]:
    columns = drifts.c
    equal = {columns.server: query.server, columns.state: query.state}
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if query.tool is not None:
        server, slash, name = query.tool.partition("/")
        exact = columns.tool == query.tool
        conditions.append(or_(exact, and_(columns.server == server, columns.tool == name)) if slash else exact)
    if query.since is not None:
        conditions.append(columns.time >= query.since)
    if query.until is not None:
        conditions.append(columns.time < query.until)
    return conditions
