"""Checkpoints as they are held outside the log: an envelope, perhaps with the digests of its records. No IO."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pdp.audit.evidence.checkpoint import Checkpoint, checkpoint_of
from pdp.audit.evidence.merkle import HASH_BYTES, leaf_hash, root_of
from pdp.audit.evidence.statement import EvidenceError, hash_text
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, parse

MAX_LEAVES: Final = 100_000
MAX_HELD_BYTES: Final = 8 * 1024 * 1024
_LIMITS: Final = JsonLimits(max_bytes=MAX_HELD_BYTES, max_depth=8)


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint, and the 32-byte digests of its batch one after the other; None where they did not go along."""

    checkpoint: Checkpoint
    leaves: bytes | None = None

    @property
    def number(self) -> int:
        """The number of the checkpoint."""
        return self.checkpoint.statement.number

    def digests(self) -> list[bytes] | None:
        """The digests of the records of its batch."""
        if self.leaves is None:
            return None
        return [self.leaves[start : start + HASH_BYTES] for start in range(0, len(self.leaves), HASH_BYTES)]

    def to_json(self) -> bytes:
        """As it goes outside: one line."""
        value: dict[str, Any] = {"envelope": self.checkpoint.envelope}
        if self.leaves is not None:
            value["leaves"] = base64.b64encode(self.leaves).decode("ascii")
        return msgspec.json.encode(value) + b"\n"


def read_held(raw: bytes) -> Held:
    """The checkpoint in `raw`, whoever signed it: as it went outside, or an envelope alone.

    Raises:
        EvidenceError: it is none, or the digests are not those of its batch.

    """
    try:
        value = parse(raw, limits=_LIMITS)
    except MessageError as error:
        raise EvidenceError(f"this is no checkpoint: {error.detail}") from error
    if not isinstance(value, dict) or "envelope" not in value:
        return Held(checkpoint_of(value))
    if value.keys() - {"envelope", "leaves"}:
        raise EvidenceError("this is no checkpoint: it has members that none has")
    checkpoint = checkpoint_of(value["envelope"])
    leaves = None if value.get("leaves") is None else _leaves(value["leaves"])
    held = Held(checkpoint, leaves)
    digests = held.digests()
    batch = checkpoint.statement.batch
    if digests is not None and (
        len(digests) != batch.count or hash_text(root_of(map(leaf_hash, digests))) != batch.root
    ):
        raise EvidenceError("the digests are not those that were signed")
    return held


def _leaves(text: object) -> bytes:
    if not isinstance(text, str):
        raise EvidenceError("`leaves` is base64")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError("`leaves` is base64") from error
    if len(content) % HASH_BYTES or len(content) > MAX_LEAVES * HASH_BYTES:
        raise EvidenceError(f"`leaves` are up to {MAX_LEAVES} digests of {HASH_BYTES} bytes")
    return content
