"""The form of a proof (RFC 9449 section 4.2), checked before any key is touched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.contract import base64url
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.tokens.proof.proof_key import PROOF_ALGORITHMS, ProofKey, read_proof_key
from pdp.tokens.proof.refusal import unproven

MAX_PROOF_BYTES: Final = 8 * 1024

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LIMITS: Final = JsonLimits(max_bytes=MAX_PROOF_BYTES, max_depth=8)
_TYPE: Final = "dpop+jwt"
_MEMBERS: Final = frozenset({"typ", "alg", "jwk", "kid"})
"""All a header may have: anything else could name another key, or another reading (RFC 8725 section 3.10)."""


@dataclass(frozen=True, slots=True)
class UnverifiedProof:
    """What a proof says of itself; nothing of it may be believed before the signature is checked."""

    text: str
    key: ProofKey
    claims: Mapping[str, Any]


def read_proof(text: str) -> UnverifiedProof:
    """The unverified content of `text`, the value of one header `DPoP`.

    Raises:
        TokenError: `proof_invalid`: it is not exactly one JWT of the type and form of a proof.

    """
    if len(text) > MAX_PROOF_BYTES:
        raise unproven(f"the proof is longer than {MAX_PROOF_BYTES} bytes")
    if not _COMPACT.fullmatch(text):
        raise unproven("the proof is not one JWT")
    head, body, signature = text.split(".")
    _decode(signature)
    header = _object(head)
    if not header.keys() <= _MEMBERS:
        raise unproven("the proof's header has a member that is not accepted")
    if header.get("typ") != _TYPE:
        raise unproven(f"the proof's `typ` is not `{_TYPE}`")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in PROOF_ALGORITHMS:
        raise unproven("the proof's `alg` is not accepted")
    return UnverifiedProof(text, read_proof_key(header.get("jwk"), algorithm=algorithm), _object(body))


def _object(segment: str) -> Mapping[str, Any]:
    try:
        value = parse(_decode(segment), limits=_LIMITS)
    except MessageError as error:
        # The cause may quote the proof, so it goes no further.
        raise unproven("the proof is not exact JSON") from error
    if not isinstance(value, dict):
        raise unproven("the proof has a part that is not a JSON object")
    return value


def _decode(segment: str) -> bytes:
    try:
        return base64url.decode(segment)
    except ValueError as error:
        raise unproven("the proof is not canonical base64url") from error
