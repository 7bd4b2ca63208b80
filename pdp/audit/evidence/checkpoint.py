"""A signed checkpoint: reading one from anywhere, and believing it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from pdp.audit.evidence.statement import PAYLOAD_TYPE, EvidenceError, Statement
from pdp.core.bundle.envelope import Envelope, sealed
from pdp.core.bundle.key import KeyPair, PublicKey
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, MessageError
from pdp.core.contract.exact_json import JsonLimits, parse

MAX_ENVELOPE_BYTES: Final = 1024 * 1024
_LIMITS: Final = JsonLimits(max_bytes=MAX_ENVELOPE_BYTES, max_depth=8)

Trusted = Mapping[str, PublicKey]
"""The keys whose signatures count, by id; none of them trusts nobody."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A statement in its envelope; `digest` is that of the payload, which the next one names."""

    statement: Statement
    envelope: Envelope
    digest: str

    def to_json(self) -> bytes:
        """Its envelope in JSON."""
        return msgspec.json.encode(self.envelope)

    def signer(self, trusted: Trusted) -> str:
        """The id of the key among `trusted` that has signed it.

        Raises:
            EvidenceError: none has.

        """
        try:
            signers = self.envelope.signers(trusted)
        except BundleError as error:
            raise EvidenceError(error.detail) from error
        if not signers:
            raise EvidenceError("no trusted key has signed it")
        return min(signers)


def signed(statement: Statement, *, key: KeyPair) -> Checkpoint:
    """`statement`, signed by `key`."""
    payload = statement.to_json()
    return Checkpoint(statement, sealed(PAYLOAD_TYPE, payload, keys=[key]), digest_of(payload))


def read_checkpoint(raw: bytes) -> Checkpoint:
    """The checkpoint whose envelope is the JSON `raw`, whoever signed it.

    Raises:
        EvidenceError: it is none.

    """
    try:
        value = parse(raw, limits=_LIMITS)
    except MessageError as error:
        raise EvidenceError(f"this is no checkpoint: {error.detail}") from error
    return checkpoint_of(value)


def checkpoint_of(value: object) -> Checkpoint:
    """The checkpoint whose envelope is the parsed JSON `value`, whoever signed it.

    Raises:
        EvidenceError: it is none.

    """
    try:
        envelope = msgspec.convert(value, Envelope, strict=True)
        payload = envelope.unverified(PAYLOAD_TYPE)
    except msgspec.MsgspecError as error:
        raise EvidenceError(f"this is no checkpoint: {error}") from error
    except BundleError as error:
        raise EvidenceError(f"this is no checkpoint: {error.detail}") from error
    return Checkpoint(Statement.from_json(payload), envelope, digest_of(payload))
