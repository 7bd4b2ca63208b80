"""A proof that one record is in the log: needs no log, only a key. No IO.

It leads from the record to the root of its batch, and from that to the history of the newest checkpoint.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from pdp.audit.evidence.checkpoint import Checkpoint, Trusted, checkpoint_of
from pdp.audit.evidence.held import Held
from pdp.audit.evidence.merkle import MAX_PATH, PathError, check_consistency, leaf_hash, root_by_inclusion
from pdp.audit.evidence.statement import EvidenceError, hash_bytes, hash_text
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import MAX_RECORD_BYTES, unseal

MAX_PROOF_BYTES: Final = 8 * MAX_RECORD_BYTES
_LIMITS: Final = JsonLimits(max_bytes=MAX_PROOF_BYTES, max_depth=16)


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`record` is its canonical JSON as text; `path` leads to the root of `checkpoint`, whose batch has it at `index`.

    `history` leads from that batch to the history of `newest`, and `consistency` shows that nothing of the history
    before was changed on the way; without `newest` the checkpoint is itself the newest.
    """

    record: str
    index: int
    path: tuple[str, ...]
    checkpoint: Any
    newest: Any = None
    history: tuple[str, ...] = ()
    consistency: tuple[str, ...] = ()
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Its JSON."""
        return msgspec.json.encode(self) + b"\n"


@dataclass(frozen=True, slots=True)
class Proven:
    """A record that is in the log, by a checkpoint that covers it and the newest one that has it in its history."""

    record: Record
    content: bytes
    checkpoint: Checkpoint
    newest: Checkpoint
    index: int
    """Where it is in the log, counted from 0."""


def read_proof(raw: bytes) -> Proof:
    """The proof in the JSON `raw`, which may prove nothing.

    Raises:
        EvidenceError: it is none.

    """
    try:
        return msgspec.convert(parse(raw, limits=_LIMITS), Proof, strict=True)
    except MessageError as error:
        raise EvidenceError(f"this is no proof: {error.detail}") from error
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"this is no proof: {error}") from error


def verify_proof(proof: Proof, *, trusted: Trusted, held: Iterable[Held] = ()) -> Proven:
    """What `proof` proves to whoever trusts `trusted`, and holds the checkpoints `held`.

    (1) The checkpoints are signed; (2) the record is in the batch of one; (3) that is in the history of the newest;
    (4) both are what is held.

    Raises:
        EvidenceError: it does not prove anything.

    """
    checkpoint = checkpoint_of(proof.checkpoint)
    newest = checkpoint if proof.newest is None else checkpoint_of(proof.newest)
    checkpoint.signer(trusted)
    newest.signer(trusted)
    content = proof.record.encode("utf-8", "surrogatepass")
    _check_batch(proof, content, checkpoint)
    _check_history(proof, checkpoint, newest)
    _check_held(list(held), checkpoint, newest)
    try:
        record = unseal(content).record
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError("what was signed is no record") from error
    return Proven(record, content, checkpoint, newest, checkpoint.statement.batch.first + proof.index)


def _check_batch(proof: Proof, content: bytes, checkpoint: Checkpoint) -> None:
    batch = checkpoint.statement.batch
    leaf = leaf_hash(sha256(content).digest())
    path = _hashes(proof.path)
    root = _walked(lambda: root_by_inclusion(leaf, proof.index, batch.count, path))
    if hash_text(root) != batch.root:
        raise EvidenceError(f"the record is not in the batch of checkpoint {checkpoint.statement.number}")


def _check_history(proof: Proof, checkpoint: Checkpoint, newest: Checkpoint) -> None:
    old, new = checkpoint.statement, newest.statement
    if old.log != new.log:
        raise EvidenceError("its checkpoints are of two logs")
    if old.number > new.number or (old.number == new.number and checkpoint.digest != newest.digest):
        raise EvidenceError("its checkpoints contradict each other")
    path, consistency = _hashes(proof.history), _hashes(proof.consistency)
    root = _walked(lambda: root_by_inclusion(old.batch.leaf(), old.number - 1, new.history.size, path))
    if hash_text(root) != new.history.root:
        raise EvidenceError(f"the batch is not in the history of checkpoint {new.number}")
    roots = (hash_bytes(old.history.root), hash_bytes(new.history.root))
    _walked(lambda: check_consistency(old.history.size, new.history.size, *roots, consistency))


def _check_held(held: list[Held], *shown: Checkpoint) -> None:
    if not held:
        return
    compared = 0
    for one in shown:
        for other in (other for other in held if other.number == one.statement.number):
            compared += 1
            if other.checkpoint.digest != one.digest:
                raise EvidenceError(f"checkpoint {other.number} that is held is another one than the proof's")
    if not compared:
        numbers = " or ".join(str(one.statement.number) for one in shown)
        raise EvidenceError(f"the proof is about checkpoint {numbers}, which is not held: prove it up to one that is")


def _hashes(texts: tuple[str, ...]) -> list[bytes]:
    if len(texts) > 2 * MAX_PATH:
        raise EvidenceError("a path in it is too long")
    return [hash_bytes(text) for text in texts]


def _walked(walk: Callable[[], Any]) -> Any:
    try:
        return walk()
    except PathError as error:
        raise EvidenceError(f"a path in it leads nowhere: {error}") from error
