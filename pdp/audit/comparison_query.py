"""Questions to the decision log about what a canary would have decided."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, select

from pdp.audit.tables import comparison_of, comparisons
from pdp.core.contract.record import ComparisonRecord

_BATCH: Final = 100
"""Rows held at once: each may list as many differences."""


@dataclass(frozen=True, slots=True)
class ComparisonQuery:
    """Which comparisons to find; what is None does not restrict.

    `shadow` is the digest of what was tried, or its beginning, with or without `sha256:`. `since` (inclusive) and
    `until` (exclusive) are RFC 3339 UTC with milliseconds.
    """

    shadow: str | None = None
    since: str | None = None
    until: str | None = None


def find_comparisons(connection: Connection, query: ComparisonQuery) -> Iterator[ComparisonRecord]:
    """The comparisons that `query` asks for, in the order of their arrival."""
    wanted = select(comparisons).where(*_conditions(query)).order_by(comparisons.c.position)
    after = 0
    while True:
        rows = connection.execute(wanted.where(comparisons.c.position > after).limit(_BATCH)).mappings().all()
        if not rows:
            return
        after = rows[-1]["position"]
        for row in rows:
            yield comparison_of(dict(row))


def _conditions(query: ComparisonQuery) -> list[ColumnElement[bool]]:
    columns = comparisons.c
    conditions: list[ColumnElement[bool]] = []
    if query.shadow is not None:
        digest = "sha256:" + query.shadow.removeprefix("sha256:")
        conditions.append(columns.shadow.startswith(digest, autoescape=True))
    if query.since is not None:
        conditions.append(columns.time >= query.since)
    if query.until is not None:
        conditions.append(columns.time < query.until)
    return conditions
