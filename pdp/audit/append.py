"""Putting records into the tables, once each, within one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, insert, select, union_all

from pdp.audit.store import Keeping, Position, position_of
from pdp.audit.tables import comparisons, conflicts, decisions, drifts, outcomes, row_of, table_of
from pdp.core.contract.digest import digest
from pdp.core.contract.record import Record

_LOOKUP: Final = 500
_KINDS: Final = (decisions, outcomes, drifts, comparisons)


def _taken(table: Table, sequence: ColumnElement[bool]) -> Select[Any]:
    columns = table.c
    return select(columns.sequence, columns.content_digest).where(
        columns.writer == bindparam("writer"), columns.boot == bindparam("boot"), sequence
    )


def _one_of(table: Table) -> ColumnElement[bool]:
    return table.c.sequence.in_(bindparam("sequences", expanding=True))


def _exactly(table: Table) -> ColumnElement[bool]:
    return table.c.sequence == bindparam("sequence")


# Made once: making them costs more than SQLite needs to answer. A caller that comes alone gets a statement
# without an IN, which would be rendered anew for every use.
_TAKEN: Final = union_all(*(_taken(table, _one_of(table)) for table in _KINDS))
_ONE_TAKEN: Final = union_all(*(_taken(table, _exactly(table)) for table in _KINDS))
_INSERTS: Final = {table.name: insert(table) for table in _KINDS}


def append_records(connection: Connection, records: Sequence[Record]) -> list[Keeping]:
    """Insert what is new of `records`.

    A position that is taken by the same content makes a record known; by another, both are kept: the
    later one goes to `conflicts`.
    """
    held = _held(connection, [position_of(record) for record in records])
    kept, rows, contradicting = [], _Rows(), []
    for record in records:
        at, content_digest = position_of(record), digest(msgspec.to_builtins(record))
        if at not in held:
            held[at] = content_digest
            rows.add(record, content_digest)
            kept.append(Keeping.STORED)
        elif held[at] == content_digest:
            kept.append(Keeping.KNOWN)
        else:
            contradicting.append((at, content_digest, record))
            kept.append(Keeping.CONFLICT)
    rows.insert(connection)
    for at, content_digest, record in contradicting:
        _keep_conflict(connection, at, content_digest, record)
    return kept


class _Rows:
    def __init__(self) -> None:
        self._of: dict[str, list[dict[str, Any]]] = {table.name: [] for table in _KINDS}

    def add(self, record: Record, content_digest: str) -> None:
        self._of[table_of(record).name].append(row_of(record, content_digest=content_digest))

    def insert(self, connection: Connection) -> None:
        for name, rows in self._of.items():
            if rows:
                connection.execute(_INSERTS[name], rows[0] if len(rows) == 1 else rows)


def _held(connection: Connection, positions: Sequence[Position]) -> dict[Position, str]:
    """The digest of the record at each of `positions` that is taken, whichever table it is in."""
    held: dict[Position, str] = {}
    sequences: dict[tuple[str, str], list[int]] = {}
    for at in positions:
        sequences.setdefault((at.writer, at.boot), []).append(at.sequence)
    for (writer, boot), wanted in sequences.items():
        for start in range(0, len(wanted), _LOOKUP):
            for sequence, content_digest in _lookup(connection, writer, boot, wanted[start : start + _LOOKUP]):
                held[Position(writer, boot, sequence)] = content_digest
    return held


def _lookup(connection: Connection, writer: str, boot: str, sequences: Sequence[int]) -> Iterable[Any]:
    of = {"writer": writer, "boot": boot}
    if len(sequences) == 1:
        return connection.execute(_ONE_TAKEN, {**of, "sequence": sequences[0]})
    return connection.execute(_TAKEN, {**of, "sequences": sequences})


def _keep_conflict(connection: Connection, at: Position, content_digest: str, record: Record) -> None:
    identity = {"writer": at.writer, "boot": at.boot, "sequence": at.sequence, "content_digest": content_digest}
    is_same = [conflicts.c[name] == value for name, value in identity.items()]
    if connection.execute(select(conflicts.c.position).where(*is_same)).first() is None:
        connection.execute(insert(conflicts).values(**identity, content=msgspec.to_builtins(record)))
