"""Questions to the decision log about what a canary would have decided."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from pdp.audit.reading import altered, every, is_within, may_be_within, of_kind, rows_of
from pdp.audit.tables import records, short
from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.record import Record


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
    """The comparisons that `query` asks for, in the order of their arrival.

    Raises:
        StoreUnavailableError: a record among them was altered.

    """
    wanted = rows_of(of_kind("comparison"), *may_be_within(query.since, query.until))
    digest = None if query.shadow is None else "sha256:" + query.shadow.removeprefix("sha256:")
    if digest is not None:
        wanted = wanted.where(records.c.state.startswith(short(digest), autoescape=True))

    def is_meant(record: Record) -> bool:
        return not isinstance(record, ComparisonRecord) or (
            (digest is None or record.shadow.startswith(digest))
            and is_within(record.time, since=query.since, until=query.until)
        )

    for one in every(connection, wanted, is_meant=is_meant):
        if not isinstance(one.sealed.record, ComparisonRecord):
            raise altered(one.position)
        yield one.sealed.record
