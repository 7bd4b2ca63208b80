"""The rows of `runs`: found or made, locked, and moved on within one transaction."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Executable, bindparam, exists, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from pdp.audit.chain import NO_DIGEST, Head
from pdp.audit.tables import runs

RunName: TypeAlias = tuple[str, str]
"""Writer and boot."""

_COLUMNS: Final = runs.c
_ONE: Final = (_COLUMNS.writer == bindparam("of_writer"), _COLUMNS.boot == bindparam("of_boot"))
_HEAD: Final = (
    _COLUMNS.run,
    _COLUMNS.sequence,
    _COLUMNS.digest,
    _COLUMNS.records,
    _COLUMNS.previous,
    _COLUMNS.announced,
    _COLUMNS.heard,
)
# Made once: making statements costs more than SQLite needs to answer.
_FIND: Final = select(_COLUMNS.run).where(*_ONE)
_LOCK: Final = select(*_HEAD).where(*_ONE).with_for_update()
_INSERTS: Final[Mapping[str, Executable]] = {
    "sqlite": sqlite.insert(runs).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(runs).on_conflict_do_nothing(),
    "mysql": mysql.insert(runs).prefix_with("IGNORE"),
    "mariadb": mysql.insert(runs).prefix_with("IGNORE"),
}
_MOVE: Final = (
    update(runs)
    .where(_COLUMNS.run == bindparam("of_run"))
    .values({name: bindparam(f"to_{name}") for name in ("sequence", "digest", "records", "previous")})
)
_HEAR: Final = (
    update(runs)
    .where(_COLUMNS.run == bindparam("of_run"))
    .values(announced=bindparam("to_announced"), heard=bindparam("to_heard"))
)
_ENDED: Final = select(
    exists().where(
        _COLUMNS.writer == bindparam("of_writer"),
        _COLUMNS.digest == bindparam("of_digest"),
        _COLUMNS.boot != bindparam("of_boot"),
        _COLUMNS.sequence > 0,
    )
)


def lock_heads(connection: Connection, names: Iterable[RunName], *, known: set[RunName]) -> dict[RunName, Head]:
    """The head of each of `names`, locked until the transaction ends; runs that are new are made.

    `known` are names that are sure to be there.
    """
    # INVARIANT: every transaction inserts in this order and then locks in it, so that none wait for each other.
    wanted = sorted(set(names))
    for writer, boot in wanted:
        if (writer, boot) not in known and connection.execute(_FIND, _of(writer, boot)).first() is None:
            row = {"writer": writer, "boot": boot, "sequence": 0, "digest": NO_DIGEST, "records": 0}
            connection.execute(_INSERTS[connection.dialect.name], row)
    return {(writer, boot): Head(*connection.execute(_LOCK, _of(writer, boot)).one()) for writer, boot in wanted}


def move_heads(connection: Connection, heads: Iterable[Head]) -> None:
    """Write `heads` back."""
    moved = [
        {
            "of_run": head.run,
            "to_sequence": head.sequence,
            "to_digest": head.digest,
            "to_records": head.records,
            "to_previous": head.previous,
        }
        for head in heads
    ]
    if moved:
        connection.execute(_MOVE, moved)


def hear(connection: Connection, head: Head, *, sequence: int, at: int) -> None:
    """Write down that the writer said at `at` (Unix milliseconds) that it has `sequence` records."""
    if head.announced is None or sequence >= head.announced:
        head.announced, head.heard = sequence, max(at, head.heard or at)
        values = {"of_run": head.run, "to_announced": head.announced, "to_heard": head.heard}
        connection.execute(_HEAR, values)


def is_end(connection: Connection, digest: bytes, *, writer: str, boot: str) -> bool:
    """Whether another run of `writer` than `boot` ends with the record of that digest."""
    of = {**_of(writer, boot), "of_digest": digest}
    return bool(connection.execute(_ENDED, of).scalar_one())


def _of(writer: str, boot: str) -> dict[str, Any]:
    return {"of_writer": writer, "of_boot": boot}
