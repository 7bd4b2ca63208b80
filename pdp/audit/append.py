"""Putting records into the tables, once each, within one transaction."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, insert, select

from pdp.audit.chain import FIRST_LINKED, Head
from pdp.audit.heads import RunName, is_end, lock_heads, move_heads
from pdp.audit.row import Row, previous_of
from pdp.audit.store import Fault, Keeping, Kept
from pdp.audit.tables import FOUND_BY, archived, conflicts, records
from pdp.core.contract.sealed import unseal

STORED_COLUMNS: Final = ("arrived", "run", "sequence", "digest", "content", *FOUND_BY)
"""The columns of `records` that an append fills, in the order of the rows that it inserts."""

Insert: TypeAlias = Callable[[Connection, Sequence[tuple[Any, ...]]], None]
"""Inserts rows of `STORED_COLUMNS`, as a database does it best."""

_LOOKUP: Final = 500
_STORED, _KNOWN, _CONFLICT = Kept(Keeping.STORED), Kept(Keeping.KNOWN), Kept(Keeping.CONFLICT)
_FAULTY: Final = {fault: Kept(Keeping.STORED, fault) for fault in Fault}


def append_rows(
    connection: Connection, rows: Sequence[Row], *, arrived: int, known: set[RunName], insert_rows: Insert
) -> list[Kept]:
    """Insert what is new of `rows`, arrived at `arrived` (Unix milliseconds).

    A position that is taken by the same content makes a record known; by another, both are kept: the later
    one goes to `conflicts`. `known` are runs that are sure to be there.
    """
    # (1) the runs, locked: nobody else appends to them until this transaction ends
    heads = lock_heads(connection, {(row.record.writer, row.record.boot) for row in rows}, known=known)
    # (2) what is above its run's head is new; only the rest is looked up
    batch = _Batch(connection, heads, arrived=arrived)
    batch.look_up(rows)
    # (3) judge
    kept = [batch.keep(row) for row in rows]
    # (4) write
    if batch.inserted:
        insert_rows(connection, batch.inserted)
        move_heads(connection, batch.moved.values())
    return kept


class _Batch:
    def __init__(self, connection: Connection, heads: dict[RunName, Head], *, arrived: int) -> None:
        self._connection = connection
        self._heads = heads
        self._arrived = arrived
        self._held: dict[tuple[int, int], bytes] = {}
        self._named: dict[tuple[int, int], bytes | None] = {}
        self.inserted: list[tuple[Any, ...]] = []
        self.moved: dict[int, Head] = {}

    def look_up(self, rows: Sequence[Row]) -> None:
        """Learn which of `rows` are there."""
        wanted: dict[int, list[int]] = {}
        for row in rows:
            head = self._heads[row.record.writer, row.record.boot]
            if row.record.sequence <= head.sequence:
                wanted.setdefault(head.run, []).append(row.record.sequence)
        columns = records.c
        for run, sequences in wanted.items():
            for start in range(0, len(sequences), _LOOKUP):
                of = columns.sequence.in_(sequences[start : start + _LOOKUP])
                found = select(columns.sequence, columns.digest).where(columns.run == run, of)
                for sequence, digest in self._connection.execute(found):
                    self._held[run, sequence] = digest

    def keep(self, row: Row) -> Kept:
        record = row.record
        head = self._heads[record.writer, record.boot]
        at = (head.run, record.sequence)
        if record.sequence > head.sequence:
            fault = head.fault_of(record, row.previous, is_followed=self._is_followed(head, row))
        else:
            held = self._held.get(at)
            if held == row.digest:
                return _KNOWN
            if held is not None:
                self._keep_conflict(head.run, row)
                return _CONFLICT
            if not head.missing or self._is_archived(*at):
                # All of the run came, so this one did: it was moved to an archive.
                return _KNOWN
            fault = self._fault_between(head, row)
        self._held[at] = row.digest
        if record.version >= FIRST_LINKED:
            self._named[at] = row.previous
        head.advance(record, row.digest, row.previous)
        self.moved[head.run] = head
        self.inserted.append((self._arrived, *at, row.digest, row.content, *row.found_by))
        return _STORED if fault is None else _FAULTY[fault]

    def _is_archived(self, run: int, sequence: int) -> bool:
        columns = archived.c
        stretch = (columns.run == run, columns.first <= sequence, columns.last >= sequence)
        return self._connection.execute(select(columns.run).where(*stretch).limit(1)).first() is not None

    def _fault_between(self, head: Head, row: Row) -> Fault | None:
        """What is wrong with a record that fills a gap: the one before it and the one after it may be there by now."""
        record = row.record
        before, after = (head.run, record.sequence - 1), (head.run, record.sequence + 1)
        self._look_at(before, after)
        if record.version >= FIRST_LINKED:
            if record.sequence == 1:
                is_linked = row.previous is None or self._ends_another(row)
            else:
                is_linked = self._held.get(before, row.previous) == row.previous
            if not is_linked:
                return Fault.UNLINKED
        return Fault.UNLINKED if self._named.get(after, row.digest) != row.digest else None

    def _look_at(self, *positions: tuple[int, int]) -> None:
        """Learn the digests of the records at `positions`, and which they name."""
        columns = records.c
        for run, sequence in positions:
            if (run, sequence) not in self._named:
                at = (columns.run == run, columns.sequence == sequence)
                found = self._connection.execute(select(columns.digest, columns.content).where(*at)).first()
                if found is not None:
                    self._held[run, sequence] = bytes(found.digest)
                    self._name(run, sequence, bytes(found.content))

    def _name(self, run: int, sequence: int, content: bytes) -> None:
        try:
            record = unseal(content).record
        except msgspec.MsgspecError:
            return
        if record.version >= FIRST_LINKED:
            self._named[run, sequence] = previous_of(record)

    def _is_followed(self, head: Head, row: Row) -> bool:
        """Whether a run's first record names the last one of another run of its writer."""
        is_first = head.sequence == 0 and row.record.sequence == 1
        return is_first and row.previous is not None and self._ends_another(row)

    def _ends_another(self, row: Row) -> bool:
        writer, boot, previous = row.record.writer, row.record.boot, row.previous
        others = (head for (of, run), head in self._heads.items() if of == writer and run != boot)
        is_here = any(head.digest == previous for head in others if head.sequence)
        return is_here or (previous is not None and is_end(self._connection, previous, writer=writer, boot=boot))

    def _keep_conflict(self, run: int, row: Row) -> None:
        columns, sequence = conflicts.c, row.record.sequence
        same = (columns.run == run, columns.sequence == sequence, columns.digest == row.digest)
        if self._connection.execute(select(columns.position).where(*same)).first() is None:
            of = {"arrived": self._arrived, "run": run, "sequence": sequence}
            self._connection.execute(insert(conflicts).values(**of, digest=row.digest, content=row.content))
