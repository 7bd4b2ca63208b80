"""Makes the proof of one record from the log."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from pdp.audit.evidence.cells import blob
from pdp.audit.evidence.checkpoint import Checkpoint
from pdp.audit.evidence.ledger import Known
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.merkle import consistency_path, inclusion_path, leaf_hash, root_of
from pdp.audit.evidence.proof import Proof
from pdp.audit.evidence.statement import hash_text
from pdp.audit.tables import records
from pdp.core.contract.errors import UnusableError

Found = tuple[int, bytes, bytes]
"""Position, digest and content of a record."""


def find_record(connection: Connection, identity: str) -> Found:
    """The record with the id `identity`; the id is in its content alone, so all are looked through.

    Raises:
        UnusableError: there is none, or more than one.

    """
    # An id is JSON in the content as it is in a string; what is found is read before it is believed.
    wanted = msgspec.json.encode(identity)
    columns = records.c
    floor, found = 0, []
    while page := _page(connection, floor):
        found += [row for row in page if wanted in row[2] and _has_id(row[2], identity)]
        floor = page[-1][0]
    if len(found) != 1:
        how = "no record has" if not found else f"{len(found)} records have"
        raise UnusableError(f"{how} the id `{identity}` in {columns.content.table.name}: name it by `--position`")
    position, digest, content = found[0]
    return position, digest, content


def record_at(connection: Connection, position: int) -> Found:
    """The record at `position`.

    Raises:
        UnusableError: there is none.

    """
    columns = records.c
    row = connection.execute(
        select(columns.position, columns.digest, columns.content).where(columns.position == position)
    ).first()
    if row is None:
        raise UnusableError(f"there is no record at position {position}")
    return row[0], blob(row[1]), blob(row[2])


def prove(connection: Connection, found: Found, *, upto: int | None = None) -> Proof:
    """The proof of the record `found`, up to the newest checkpoint, or to that with the number `upto`.

    Raises:
        UnusableError: no checkpoint covers it yet, or what is there is not what was signed.

    """
    position, digest, content = found
    every = _every(connection, upto)
    covering = next((one for one in every if one.statement.batch.low <= position <= one.statement.batch.high), None)
    if covering is None or covering.statement.batch.count == 0:
        raise UnusableError("no checkpoint covers this record yet: run `toolgate log checkpoint`")
    batch, newest = covering.statement.batch, every[-1]
    digests = _digests(connection, batch.low, batch.high)
    leaves = [leaf_hash(one) for one in digests]
    if hash_text(root_of(leaves)) != batch.root:
        text = f"the records of checkpoint {covering.statement.number} are not those that were signed"
        raise UnusableError(f"{text}: `toolgate log verify` says more")
    index = _index(connection, batch.low, position)
    batches = [one.statement.batch.leaf() for one in every]
    is_newest = covering.statement.number == newest.statement.number
    path = [] if is_newest else inclusion_path(batches, covering.statement.number - 1)
    consistency = [] if is_newest else consistency_path(batches, covering.statement.number)
    if digests[index] != digest:
        raise UnusableError("the record was altered: `toolgate log verify` says more")
    return Proof(
        record=content.decode("utf-8"),
        index=index,
        path=tuple(map(hash_text, inclusion_path(leaves, index))),
        checkpoint=covering.envelope,
        newest=None if is_newest else newest.envelope,
        history=tuple(map(hash_text, path if not is_newest else inclusion_path(batches, len(batches) - 1))),
        consistency=tuple(map(hash_text, consistency)),
    )


def _every(connection: Connection, upto: int | None) -> list[Checkpoint]:
    known: list[Known] = [one for one in LogSnapshot(connection).checkpoints() if upto is None or one.number <= upto]
    every = [one.read() for one in known]
    numbers = [one.statement.number for one in every]
    if numbers != list(range(1, len(numbers) + 1)) or (upto is not None and len(numbers) != upto):
        raise UnusableError("not all checkpoints up to that one are there: `toolgate log verify` says more")
    if not every:
        raise UnusableError("the log has no checkpoints: set `pdp.log.checkpoints`, or run `toolgate log checkpoint`")
    return every


def _digests(connection: Connection, low: int, high: int) -> list[bytes]:
    place = records.c.position
    wanted = select(records.c.digest).where(place >= low, place <= high).order_by(place)
    return [blob(one) for one in connection.execute(wanted).scalars()]


def _index(connection: Connection, low: int, position: int) -> int:
    place = records.c.position
    wanted = select(place).where(place >= low, place < position)
    return len(connection.execute(wanted).all())


def _page(connection: Connection, floor: int) -> Sequence[Any]:
    columns = records.c
    wanted = select(columns.position, columns.digest, columns.content).where(columns.position > floor)
    rows = connection.execute(wanted.order_by(columns.position).limit(1000)).all()
    return [(position, blob(digest), blob(content)) for position, digest, content in rows]


def _has_id(content: bytes, identity: str) -> bool:
    try:
        return bool(msgspec.json.decode(content).get("id") == identity)
    except (msgspec.MsgspecError, AttributeError, UnicodeDecodeError, RecursionError):
        return False
