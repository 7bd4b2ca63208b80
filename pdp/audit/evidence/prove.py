"""Makes the proof of one record from the log."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from pdp.audit.evidence.cells import blob
from pdp.audit.evidence.checkpoint import Checkpoint
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.merkle import consistency_path, inclusion_path, leaf_hash, root_of
from pdp.audit.evidence.proof import Proof
from pdp.audit.evidence.statement import EvidenceError, hash_text
from pdp.audit.tables import records
from pdp.core.contract.errors import UnusableError

Found = tuple[int, bytes, bytes]
"""Position, digest and content of a record."""

_ABOUT: Final = 60_000
"""Milliseconds by which a record's time may differ from that in its id."""


def find_record(connection: Connection, identity: str) -> Found:
    """The record with the id `identity`; where no record of about its time has it, all are looked through.

    Raises:
        UnusableError: there is none, or more than one.

    """
    made = _made(identity)
    about = [] if made is None else [records.c.time >= made - _ABOUT, records.c.time <= made + _ABOUT]
    found = (about and _with_id(connection, identity, about)) or _with_id(connection, identity, [])
    if len(found) != 1:
        how = "no record has" if not found else f"{len(found)} records have"
        raise UnusableError(f"{how} the id `{identity}`: name it by `--position`")
    return found[0]


def _made(identity: str) -> int | None:
    """The Unix milliseconds in a UUID of version 7 (RFC 9562, section 5.7), None where it is none."""
    try:
        value = uuid.UUID(identity)
    except ValueError:
        return None
    return value.int >> 80 if value.version == 7 else None  # noqa: PLR2004 - the version


def _with_id(connection: Connection, identity: str, conditions: Sequence[ColumnElement[bool]]) -> list[Found]:
    """The id is in the content alone; what is found there is read before it is believed."""
    wanted = msgspec.json.encode(identity)
    found: list[Found] = []
    floor = 0
    while page := _page(connection, floor, conditions):
        found += [row for row in page if wanted in row[2] and _has_id(row[2], identity)]
        floor = page[-1][0]
    return found


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


@dataclass(frozen=True, slots=True)
class _Signed:
    """The checkpoint that covers a record, the newest one, and the leaves of the history up to that."""

    covering: Checkpoint
    newest: Checkpoint
    batches: list[bytes]


def prove(connection: Connection, found: Found, *, upto: int | None = None) -> Proof:
    """The proof of the record `found`, up to the newest checkpoint, or to that with the number `upto`.

    Raises:
        UnusableError: no checkpoint covers it yet, or what is there is not what was signed.

    """
    position, digest, content = found
    if sha256(content).digest() != digest:
        raise UnusableError("the record was altered: `toolgate log verify` says more")
    signed = _signed(connection, position, upto)
    batch, number = signed.covering.statement.batch, signed.covering.statement.number
    there = _leaves(connection, batch.low, batch.high)
    leaves = [leaf_hash(one) for one in there.values()]
    if hash_text(root_of(leaves)) != batch.root:
        text = f"the records of checkpoint {number} are not those that were signed"
        raise UnusableError(f"{text}: `toolgate log verify` says more")
    index = list(there).index(position)
    is_newest = number == signed.newest.statement.number
    return Proof(
        record=content.decode("utf-8"),
        index=index,
        path=_texts(inclusion_path(leaves, index)),
        checkpoint=signed.covering.envelope,
        newest=None if is_newest else signed.newest.envelope,
        history=_texts(inclusion_path(signed.batches, number - 1)),
        consistency=_texts(consistency_path(signed.batches, number)),
    )


def _signed(connection: Connection, position: int, upto: int | None) -> _Signed:
    covering = newest = None
    batches: list[bytes] = []
    for known in LogSnapshot(connection).checkpoints():
        if upto is not None and known.number > upto:
            break
        try:
            newest = known.read()
        except EvidenceError as error:
            raise UnusableError(f"checkpoint {known.number}: {error}: `toolgate log verify` says more") from error
        batch = newest.statement.batch
        batches.append(batch.leaf())
        if newest.statement.number != len(batches):
            break
        if batch.count and batch.low <= position <= batch.high:
            covering = newest
    if newest is None:
        raise UnusableError("the log has no checkpoints: set `pdp.log.checkpoints`, or run `toolgate log checkpoint`")
    if newest.statement.number != len(batches) or (upto is not None and len(batches) != upto):
        raise UnusableError("not all checkpoints up to that one are there: `toolgate log verify` says more")
    if covering is None:
        raise UnusableError("no checkpoint covers this record yet: run `toolgate log checkpoint`")
    return _Signed(covering, newest, batches)


def _leaves(connection: Connection, low: int, high: int) -> dict[int, bytes]:
    """The digests of the records at these positions, by position, in order."""
    place = records.c.position
    wanted = select(place, records.c.digest).where(place >= low, place <= high).order_by(place)
    return {position: blob(digest) for position, digest in connection.execute(wanted)}


def _texts(path: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(map(hash_text, path))


def _page(connection: Connection, floor: int, conditions: Sequence[ColumnElement[bool]]) -> Sequence[Found]:
    columns = records.c
    wanted = select(columns.position, columns.digest, columns.content).where(columns.position > floor, *conditions)
    rows = connection.execute(wanted.order_by(columns.position).limit(1000)).all()
    return [(position, blob(digest), blob(content)) for position, digest, content in rows]


def _has_id(content: bytes, identity: str) -> bool:
    try:
        return bool(msgspec.json.decode(content).get("id") == identity)
    except (msgspec.MsgspecError, AttributeError, UnicodeDecodeError, RecursionError):
        return False
