"""Key sets (RFC 7517): which keys of a set may verify which algorithms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.weak_key import is_weak
from pdp.tokens.fetch.unavailable import UnavailableError

MAX_KEY_SET_BYTES: Final = 256 * 1024
MAX_KEYS: Final = 100
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""Above it one verification takes long enough to be a lever."""

_LIMITS: Final = JsonLimits(max_bytes=MAX_KEY_SET_BYTES, max_depth=16)
_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_BY_KIND: Final[Mapping[tuple[str, str | None], frozenset[str]]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}

ALGORITHMS: Final = frozenset[str]().union(*_BY_KIND.values())
"""INVARIANT: asymmetric only; `none` and the HMAC algorithms are in no table."""

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class KeysUnavailableError(UnavailableError):
    """An issuer's keys cannot be had, or what was had is no key set."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the algorithms it may be used with."""

    key_id: str | None
    algorithms: frozenset[str]
    key: PublicKey


def read_key_set(raw: bytes) -> tuple[VerificationKey, ...]:
    """The keys of `raw` that can verify a signature; the others are passed over (RFC 7517 section 5).

    Raises:
        KeysUnavailableError: it is no key set, holds none that can, or holds a private key.

    """
    try:
        value = parse(raw, limits=_LIMITS)
    except MessageError as error:
        raise KeysUnavailableError("the key set is not exact JSON") from error
    entries = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeysUnavailableError("the key set has no list `keys` of objects")
    if len(entries) > MAX_KEYS:
        raise KeysUnavailableError(f"the key set has more than {MAX_KEYS} keys")
    if any("d" in entry for entry in entries):
        raise KeysUnavailableError("the key set holds a private key, so that key can no longer be trusted")
    keys = tuple(key for key in map(_read_key, entries) if key is not None)
    if not keys:
        raise KeysUnavailableError("the key set has no key that can verify a signature")
    return keys


def matching(keys: tuple[VerificationKey, ...], *, key_id: str | None, algorithm: str) -> tuple[VerificationKey, ...]:
    """The keys for a token; without a `kid` in it, the one key of that algorithm if there is just one."""
    fitting = tuple(key for key in keys if algorithm in key.algorithms)
    if key_id is None:
        return fitting if len(fitting) == 1 else ()
    return tuple(key for key in fitting if key.key_id == key_id)


def _read_key(entry: Mapping[str, Any]) -> VerificationKey | None:
    algorithms = _algorithms(entry)
    key_id = entry.get("kid")
    if not algorithms or not isinstance(key_id, str | None) or not _is_for_signatures(entry):
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm=min(algorithms)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    match key:
        case RSAPublicKey() if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            return VerificationKey(key_id, algorithms, key)
        case EllipticCurvePublicKey():
            return VerificationKey(key_id, algorithms, key)
        case Ed25519PublicKey() if not is_weak(key.public_bytes_raw()):
            return VerificationKey(key_id, algorithms, key)
        case _:
            return None


def _algorithms(entry: Mapping[str, Any]) -> frozenset[str]:
    kind, curve = entry.get("kty"), entry.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return frozenset()
    possible = _BY_KIND.get((kind, None if kind == "RSA" else curve), frozenset())
    declared = entry.get("alg")
    return possible if declared is None else possible & {declared} if isinstance(declared, str) else frozenset()


def _is_for_signatures(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
