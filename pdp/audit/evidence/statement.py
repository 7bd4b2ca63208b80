"""What a checkpoint says: which records there are up to it, as one hash over all of them. No IO.

A batch is a Merkle tree whose leaves are the 32-byte digests of its records' contents, in the order of their
positions. The history is a Merkle tree whose leaves are the canonical JSON of every batch so far, one a checkpoint.
"""

from typing import Final, Literal

import msgspec

from pdp.audit.evidence.merkle import HASH_BYTES, CompactRange, PathError, leaf_hash, root_of
from pdp.core.contract.digest import is_digest
from pdp.core.contract.errors import ToolgateError
from pdp.core.contract.exact_json import canonical

PAYLOAD_TYPE: Final = "application/vnd.toolgate.log.checkpoint.v1+json"
MAX_HEADS: Final = 64
MAX_HEADS_BYTES: Final = 16 * 1024
"""Heads of runs that a statement names; of more, or longer ones, it has the root only, so that it stays small."""
_HEX: Final = len("sha256:")


class EvidenceError(ToolgateError):
    """What is shown as evidence is none: it cannot be read, contradicts itself, or nobody trusted has signed it."""


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The records `first` to `first + count - 1` of the log, counted from 0, at the positions `low` to `high`.

    An empty one, which says that nothing came, has `low` 0 and the `high` of the one before it.
    """

    first: int
    count: int
    root: str
    low: int
    high: int

    def leaf(self) -> bytes:
        """The hash of its leaf in the history."""
        return leaf_hash(canonical(self))


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tree over the first `size` batches, and the full subtrees that it consists of."""

    size: int
    root: str
    nodes: tuple[str, ...]

    @classmethod
    def of(cls, tree: CompactRange) -> "History":
        """What a statement says of `tree`."""
        return cls(tree.size, hash_text(tree.root()), tuple(map(hash_text, tree.nodes)))

    def tree(self) -> CompactRange:
        """The tree, to grow.

        Raises:
            EvidenceError: the subtrees are not those of a tree with this root.

        """
        try:
            tree = CompactRange(self.size, map(hash_bytes, self.nodes))
        except PathError as error:
            raise EvidenceError("the history has other subtrees than its size wants") from error
        if hash_text(tree.root()) != self.root:
            raise EvidenceError("the subtrees of the history have another root than it says")
        return tree


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """The record with the highest sequence that a run has in a batch."""

    writer: str
    boot: str
    sequence: int
    digest: str


class Heads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The heads of the `count` runs in a batch, by writer and boot; `listed` is empty where that is too much."""

    count: int
    root: str
    listed: tuple[Head, ...]

    @classmethod
    def of(cls, heads: list[Head]) -> "Heads":
        """What a statement says of `heads`."""
        ordered = sorted(heads)
        is_short = len(ordered) <= MAX_HEADS and len(canonical(ordered)) <= MAX_HEADS_BYTES
        listed = tuple(ordered) if is_short else ()
        return cls(len(ordered), _root_of(ordered), listed)


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Checkpoint `number` (from 1) of the log `log`, made at `time` (RFC 3339, by the signer's clock).

    `records` is how many there are up to and with this batch, `previous` the digest of the statement before, `faults`
    how many records of the batch were not as they must be when it was signed.
    """

    log: str
    number: int
    time: str
    batch: Batch
    records: int
    history: History
    previous: str | None
    heads: Heads
    faults: int = 0
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Its canonical JSON."""
        return canonical(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Statement":
        """The statement in `raw`, which does not contradict itself.

        Raises:
            EvidenceError: it is none.

        """
        try:
            statement = _DECODER.decode(raw)
            is_canonical = canonical(statement) == raw
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise EvidenceError(f"this is no statement of a checkpoint: {error}") from error
        if not is_canonical:
            raise EvidenceError("a statement is canonical JSON, and this one is not")
        _check(statement)
        return statement


_DECODER: Final = msgspec.json.Decoder(Statement, strict=True)


def hash_text(content: bytes) -> str:
    """`sha256:` and 64 hex digits of a hash."""
    return f"sha256:{content.hex()}"


def hash_bytes(text: str) -> bytes:
    """The hash that `text` writes.

    Raises:
        EvidenceError: it writes none.

    """
    if not is_digest(text):
        raise EvidenceError("a hash is `sha256:` and 64 hex digits")
    content = bytes.fromhex(text[_HEX:])
    if len(content) != HASH_BYTES:
        raise EvidenceError("a hash is `sha256:` and 64 hex digits")
    return content


def follow(before: Statement | None, after: Statement, *, previous: str | None) -> None:
    """Pass where `after` may come next after `before`, whose payload has the digest `previous`; None: it is the first.

    Raises:
        EvidenceError: it may not.

    """
    number = 1 if before is None else before.number + 1
    if after.number != number:
        raise EvidenceError(f"it has the number {after.number} where {number} comes next")
    if before is not None and after.log != before.log:
        raise EvidenceError("it is of another log")
    if after.previous != previous:
        raise EvidenceError("it follows another checkpoint than the one before it")
    if after.batch.first != (0 if before is None else before.records):
        raise EvidenceError("its batch does not begin where the one before ended")
    reached = 0 if before is None else before.batch.high
    if after.batch.high != reached if after.batch.count == 0 else after.batch.low <= reached:
        raise EvidenceError("its positions do not begin where the ones before ended")
    tree = CompactRange() if before is None else before.history.tree()
    tree.add(after.batch.leaf())
    if hash_text(tree.root()) != after.history.root:
        raise EvidenceError("its history is not the one before with its batch added")


def _check(statement: Statement) -> None:
    """Pass a statement that does not contradict itself."""
    batch, heads = statement.batch, statement.heads
    for text in (batch.root, heads.root, *([] if statement.previous is None else [statement.previous])):
        hash_bytes(text)
    if min(statement.number, batch.first + 1, batch.count + 1, batch.low + 1, statement.faults + 1) < 1:
        raise EvidenceError("a number in it is too small")
    if (statement.number == 1) != (statement.previous is None):
        raise EvidenceError("every checkpoint but the first names the one before it")
    if batch.first + batch.count != statement.records or statement.history.size != statement.number:
        raise EvidenceError("its counts contradict each other")
    if (batch.count == 0) != (batch.low == 0) or batch.high - batch.low + 1 < batch.count:
        raise EvidenceError("its positions contradict its count")
    if not 0 <= heads.count <= batch.count or len(heads.listed) > MAX_HEADS:
        raise EvidenceError("its heads contradict their count")
    if heads.listed and Heads.of(list(heads.listed)) != heads:
        raise EvidenceError("its heads contradict their root")
    statement.history.tree()


def _root_of(heads: list[Head]) -> str:
    return hash_text(root_of(leaf_hash(canonical(head)) for head in heads))
