"""Questions to the decision log about tools that are not as they were approved."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection

from pdp.audit.query import DEFAULT_LIMIT
from pdp.audit.reading import (
    Found,
    altered,
    is_tool,
    is_within,
    may_be,
    may_be_tool,
    may_be_within,
    newest,
    of_kind,
    rows_of,
)
from pdp.audit.tables import records
from pdp.core.contract.record import DriftRecord, Record
from pdp.core.contract.record_terms import DriftState


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
    """The changes that `query` asks for, oldest first.

    Raises:
        StoreUnavailableError: a record among them was altered.

    """
    chosen = rows_of(of_kind("drift"), *_conditions(query))

    def is_meant(record: Record) -> bool:
        return not isinstance(record, DriftRecord) or _is_meant(record, query)

    return [_drift(one) for one in newest(connection, chosen, query.limit, is_meant=is_meant, by_time=True)]


def _drift(found: Found) -> DriftRecord:
    if not isinstance(found.sealed.record, DriftRecord):
        raise altered(found.position)
    return found.sealed.record


def _conditions(query: DriftQuery) -> list[ColumnElement[bool]]:
    columns = records.c
    conditions: list[ColumnElement[bool]] = [*may_be_within(query.since, query.until)]
    if query.server is not None:
        conditions.append(may_be(columns.server, query.server))
    if query.state is not None:
        conditions.append(columns.state == query.state.value)
    if query.tool is not None:
        conditions.append(may_be_tool(query.tool))
    return conditions


def _is_meant(record: DriftRecord, query: DriftQuery) -> bool:
    return (
        query.server in {None, record.server}
        and query.state in {None, record.state}
        and is_tool(query.tool, server=record.server, tool=record.tool)
        and is_within(record.time, since=query.since, until=query.until)
    )
