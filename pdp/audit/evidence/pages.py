"""Records of a log, many at a time."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select

from pdp.audit.evidence.cells import blob
from pdp.audit.tables import records

_SEPARATOR: Final = " "


class Leaf(NamedTuple):
    """A record as the checkpointer reads it."""

    position: int
    digest: bytes
    content: bytes


def page_of(connection: Connection, *, after: int, upto: int, limit: int) -> Sequence[Leaf]:
    """Up to `limit` records above the position `after` and not above `upto`, in order."""
    place = records.c.position
    wanted = select(place, records.c.digest, records.c.content).where(place > after, place <= upto)
    return [Leaf(*row) for row in _rows(connection, wanted.order_by(place).limit(limit))]


def digests_of(connection: Connection, *, low: int, high: int) -> list[bytes]:
    """The digests of the records at the positions `low` to `high`, in order."""
    place = records.c.position
    wanted = select(place, records.c.digest).where(place >= low, place <= high)
    return [digest for _, digest in _rows(connection, wanted.order_by(place))]


def _rows(connection: Connection, wanted: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of `wanted`, which has a position first, then bytes.

    Of SQLite they come in one row, as hexadecimal text. Its driver lets other threads run at every row and then waits
    its turn, which is half a millisecond beside decisions that compute all the time (docs/benchmarks.md).
    """
    if connection.dialect.name != "sqlite":
        yield from ((position, *map(blob, values)) for position, *values in connection.execute(wanted))
        return
    position, *others = wanted.subquery().c
    row: ColumnElement[Any] = position
    for column in others:
        row = row.concat(_SEPARATOR).concat(func.hex(column))
    joined = connection.execute(select(func.group_concat(row, _SEPARATOR))).scalar_one()
    words, width = [] if joined is None else str(joined).split(_SEPARATOR), 1 + len(others)
    columns = (words[place::width] for place in range(width))
    rows = ((int(number), *map(bytes.fromhex, values)) for number, *values in zip(*columns, strict=True))
    yield from sorted(rows)  # to join them keeps no order that is promised
