"""Records of a log, a page at a time."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from pdp.audit.evidence.cells import blob
from pdp.audit.tables import records

_COLUMNS: Final = (records.c.position, records.c.digest, records.c.content)
_SEPARATOR: Final = " "


class Leaf(NamedTuple):
    """A record as the checkpointer reads it."""

    position: int
    digest: bytes
    content: bytes


def page_of(connection: Connection, *, after: int, upto: int, limit: int) -> Sequence[Leaf]:
    """Up to `limit` records above the position `after` and not above `upto`, in order.

    Of SQLite they come in one row, as hexadecimal text. Its driver lets other threads run at every row and then waits
    its turn, which is half a millisecond beside decisions that compute all the time (docs/benchmarks.md).
    """
    place = records.c.position
    wanted = select(*_COLUMNS).where(place > after, place <= upto).order_by(place).limit(limit)
    if connection.dialect.name != "sqlite":
        return [Leaf(position, blob(digest), blob(content)) for position, digest, content in connection.execute(wanted)]
    page = wanted.subquery()
    words = page.c.position.concat(_SEPARATOR).concat(func.hex(page.c.digest))
    words = words.concat(_SEPARATOR).concat(func.hex(page.c.content))
    joined = connection.execute(select(func.group_concat(words, _SEPARATOR))).scalar_one()
    return [] if joined is None else _leaves(str(joined).split(_SEPARATOR))


def _leaves(words: Sequence[str]) -> Sequence[Leaf]:
    triples = zip(words[::3], words[1::3], words[2::3], strict=True)
    leaves = [
        Leaf(int(position), bytes.fromhex(digest), bytes.fromhex(content)) for position, digest, content in triples
    ]
    return sorted(leaves)
