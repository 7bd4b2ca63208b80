"""The key in a proof's header (RFC 9449 section 4.2).

INVARIANT: this is the one key of a header that is ever used, and it proves possession alone: a proof is
looked at only for a token that was verified with its issuer's keys and names this key's thumbprint.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pdp.core.contract import base64url
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.weak_key import is_weak
from pdp.tokens.proof.refusal import unproven

PROOF_ALGORITHMS: Final = ("ES256", "ES384", "EdDSA", "PS256", "RS256")
"""INVARIANT: asymmetric only (RFC 9449 section 4.3, check 5)."""

_RSA: Final = (("kty", "RSA"),), ("e", "kty", "n")
_FORMS: Final[Mapping[str, tuple[tuple[tuple[str, str], ...], tuple[str, ...]]]] = {
    "ES256": ((("kty", "EC"), ("crv", "P-256")), ("crv", "kty", "x", "y")),
    "ES384": ((("kty", "EC"), ("crv", "P-384")), ("crv", "kty", "x", "y")),
    "EdDSA": ((("kty", "OKP"), ("crv", "Ed25519")), ("crv", "kty", "x")),
    "PS256": _RSA,
    "RS256": _RSA,
}
"""What a key for an algorithm must say, and the members its thumbprint covers (RFC 7638 section 3.2)."""
_DESCRIPTIVE: Final = frozenset({"alg", "ext", "key_ops", "kid", "use"})
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{1,700}")
_RSA_BITS: Final = range(2048, 4096 + 1)
_MAX_EXPONENT: Final = 2**32
_SIGNATURES: Final = jwt.PyJWS(algorithms=list(PROOF_ALGORITHMS))


@dataclass(frozen=True, slots=True)
class ProofKey:
    """A public key as a proof names it; `thumbprint` is that of RFC 7638, SHA-256, base64url."""

    algorithm: str
    members: Mapping[str, str]
    thumbprint: str

    def check_signature(self, proof: str) -> None:
        """Return when `proof`, a compact JWS, is signed with this key.

        Raises:
            TokenError: `proof_invalid`, also when this is no usable key.

        """
        try:
            key = jwt.PyJWK(dict(self.members), algorithm=self.algorithm).key
            _check_strength(key)
            _SIGNATURES.decode_complete(proof, key, algorithms=[self.algorithm])
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise unproven("the proof's signature does not match its key") from error


def read_proof_key(jwk: Any, *, algorithm: str) -> ProofKey:
    """The public key `jwk` for `algorithm`, one of `PROOF_ALGORITHMS`; no arithmetic is done with it yet.

    Raises:
        TokenError: `proof_invalid` for another kind of key, and for any member beside the key itself and
            its description: private ones and certificates above all.

    """
    stated, covered = _FORMS[algorithm]
    if not isinstance(jwk, dict):
        raise unproven("the proof's `jwk` is not an object")
    if not jwk.keys() <= {*covered, *_DESCRIPTIVE}:
        raise unproven("the proof's `jwk` has more than a public key")
    if any(jwk.get(name) != value for name, value in stated) or jwk.get("alg", algorithm) != algorithm:
        raise unproven("the proof's `jwk` is not for its algorithm")
    if jwk.get("use", "sig") != "sig" or jwk.get("key_ops", ["verify"]) != ["verify"]:
        raise unproven("the proof's `jwk` is not for signatures")
    members = {name: text for name in covered if isinstance(text := jwk.get(name), str) and _TEXT.fullmatch(text)}
    if len(members) != len(covered):
        raise unproven("the proof's `jwk` lacks a member, or has one that is no base64url")
    return ProofKey(algorithm, members, thumbprint_of(members))


def thumbprint_of(members: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of the key with these required `members` (RFC 7638), base64url."""
    return base64url.encode(hashlib.sha256(canonical(dict(members))).digest())


def _check_strength(key: Any) -> None:
    match key:
        case RSAPublicKey() if key.key_size not in _RSA_BITS or key.public_numbers().e >= _MAX_EXPONENT:
            raise ValueError("the RSA key is too weak, or too costly")
        case Ed25519PublicKey() if is_weak(key.public_bytes_raw()):
            raise ValueError("with an Ed25519 key of low order anybody can sign")
