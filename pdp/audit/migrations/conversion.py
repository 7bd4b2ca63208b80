"""Records of version 4 to those of version 5: read in order, a batch at a time, none changed."""

import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa

from pdp.audit.migrations import version_4 as old
from pdp.audit.partitions import Month, create_partition
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.identifier import unix_seconds

_BATCH: Final = 500
_SHORT: Final = 256
_KINDS: Final[dict[str, sa.Table]] = {
    "decision": old.decisions,
    "outcome": old.outcomes,
    "drift": old.drifts,
    "comparison": old.comparisons,
}
_ADDED: Final = frozenset({"position", "principal_name", "content_digest"})
"""Columns that were no members."""
_NAMES: Final = ("effect", "reason_code", "method", "server", "tool", "principal", "actor", "decision", "state")
_COLUMNS: Final = ("arrived", "run", "sequence", "digest", "content", "kind", "time", *_NAMES, "principal_name")


def _light(name: str, *columns: str) -> Any:
    return sa.table(name, *(sa.column(one) for one in columns))


_RUNS: Final = _light("runs", "run", "writer", "boot", "sequence", "digest", "records")
_RECORDS: Final = _light("records", *_COLUMNS)
_CONFLICTS: Final = _light("conflicts", "arrived", "run", "sequence", "digest", "content")

OLD_CONFLICTS: Final = old.conflicts.to_metadata(sa.MetaData(), name="conflicts_4")
"""The conflicts of version 4, out of the way of those of version 5."""
OLD_TABLES: Final = (*_KINDS.values(), OLD_CONFLICTS, old.probes)


def convert(connection: sa.Connection, converted: Any, *, progress: Callable[[Any], None] | None) -> None:
    """Move all records and conflicts to the new tables, which are empty; `converted` counts them.

    A record's content is the JSON that its digest was made of. It gets the digest that it had: one that was altered
    stays one that does not match. As its arrival counts its own time, unless that is yet to come.
    """
    now = round(time.time() * 1000)  # noqa: TID251 - the edge
    counts = (sa.select(sa.func.count()).select_from(table) for table in _KINDS.values())
    converted.total = sum(connection.execute(count).scalar_one() for count in counts)
    _make_runs(connection)
    converted.conflicts = _convert_conflicts(connection, now)
    months: set[Month] = set()
    for batch in _ordered(connection):
        rows = _rows(connection, batch, now)
        if connection.dialect.name == "postgresql":
            _make_partitions(connection, {Month.of(row["arrived"]) for row in rows}, months)
        connection.execute(sa.insert(_RECORDS), rows)
        converted.done += len(rows)
        converted.altered += sum(sha256(row["content"]).digest() != row["digest"] for row in rows)
        if progress is not None:
            progress(converted)
    _set_heads(connection)


def _make_partitions(connection: sa.Connection, wanted: set[Month], made: set[Month]) -> None:
    for month in wanted - made:
        create_partition(connection, month)
        made.add(month)


def _convert_conflicts(connection: sa.Connection, now: int) -> int:
    of, runs = OLD_CONFLICTS.c, _RUNS.c
    is_of = sa.and_(runs.writer == of.writer, runs.boot == of.boot)
    chosen = sa.select(OLD_CONFLICTS, runs.run).join_from(OLD_CONFLICTS, _RUNS, is_of).order_by(of.position)
    after = count = 0
    while rows := connection.execute(chosen.where(of.position > after).limit(_BATCH)).mappings().all():
        after = rows[-1]["position"]
        connection.execute(
            sa.insert(_CONFLICTS),
            [
                {
                    "arrived": now,
                    "run": row["run"],
                    "sequence": row["sequence"],
                    "digest": _digest(row["content_digest"]),
                    "content": canonical(row["content"]),
                }
                for row in rows
            ],
        )
        count += len(rows)
    return count


def _positions() -> Any:
    """Kind, position, time, writer, boot and sequence of every record."""
    return sa.union_all(
        *(
            sa.select(
                sa.literal(kind).label("kind"),
                table.c.position,
                table.c.time,
                table.c.writer,
                table.c.boot,
                table.c.sequence,
            )
            for kind, table in _KINDS.items()
        )
    ).subquery("every")


def _make_runs(connection: sa.Connection) -> None:
    every = _positions().c
    names = sa.select(every.writer, every.boot, sa.func.max(every.sequence), sa.func.count(), sa.literal(bytes(32)))
    ordered = names.group_by(every.writer, every.boot).order_by(sa.func.min(every.time), every.writer, every.boot)
    into = ["writer", "boot", "sequence", "records", "digest"]
    connection.execute(sa.insert(_RUNS).from_select(into, ordered))
    # A conflict stands beside a record, unless somebody deleted that.
    of = OLD_CONFLICTS.c
    is_there = sa.exists().where(_RUNS.c.writer == of.writer, _RUNS.c.boot == of.boot)
    lost = (
        sa.select(of.writer, of.boot, sa.literal(0), sa.literal(0), sa.literal(bytes(32))).where(~is_there).distinct()
    )
    connection.execute(sa.insert(_RUNS).from_select(into, lost))


def _ordered(connection: sa.Connection) -> Iterator[Sequence[Any]]:
    """Kind, position and run of every record, by time; the database sorts, and holds what is not taken yet."""
    every, runs = _positions(), _RUNS.c
    is_of = sa.and_(runs.writer == every.c.writer, runs.boot == every.c.boot)
    order = (every.c.time, runs.run, every.c.sequence)
    chosen = sa.select(every.c.kind, every.c.position, runs.run).join_from(every, _RUNS, is_of).order_by(*order)
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_BATCH).execute(chosen)
    connection.execution_options(stream_results=False)
    yield from streamed.partitions(_BATCH)


def _rows(connection: sa.Connection, batch: Sequence[Any], now: int) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], Any] = {}
    for kind, table in _KINDS.items():
        positions = [position for of, position, _ in batch if of == kind]
        if positions:
            chosen = sa.select(table).where(table.c.position.in_(positions))
            found |= {(kind, row["position"]): row for row in connection.execute(chosen).mappings()}
    return [_row(kind, found[kind, position], run, now) for kind, position, run in batch]


def _row(kind: str, row: Any, run: int, now: int) -> dict[str, Any]:
    members = {str(name): value for name, value in row.items() if name not in _ADDED} | {"kind": kind}
    at = _milliseconds(row["time"])
    principal = members.get("principal")
    found_by = {name: _short(members.get(name)) for name in _NAMES}
    if kind == "comparison":
        found_by["state"] = _short(members.get("shadow"))
    alias, bar, rest = (principal or "").partition("|")
    return found_by | {
        "arrived": min(at, now),
        "run": run,
        "sequence": row["sequence"],
        "digest": _digest(row["content_digest"]),
        "content": canonical(members),
        "kind": kind,
        "time": at,
        "principal_name": None if principal is None else _short(rest if bar else alias),
    }


def _set_heads(connection: sa.Connection) -> None:
    of = sa.and_(_RECORDS.c.run == _RUNS.c.run, _RECORDS.c.sequence == _RUNS.c.sequence)
    digest = sa.select(_RECORDS.c.digest).where(of).limit(1).scalar_subquery()
    connection.execute(sa.update(_RUNS).where(_RUNS.c.records > 0).values(digest=digest))


def _milliseconds(at: Any) -> int:
    """0 for what is no time; servers took some that are not, such as a 31st of February."""
    try:
        return round(unix_seconds(at) * 1000)
    except (ValueError, TypeError, OverflowError):
        return 0


def _digest(written: Any) -> bytes:
    """The 32 bytes of `sha256:...`; all zero where somebody wrote something else."""
    try:
        digest = bytes.fromhex(str(written).removeprefix("sha256:"))
    except ValueError:
        return bytes(32)
    return digest if len(digest) == len(bytes(32)) else bytes(32)


def _short(value: Any) -> str | None:
    return None if value is None else str(value)[:_SHORT].replace("\0", "\ufffd")
