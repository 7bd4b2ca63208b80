"""A signing key of our own in a file of this machine, and tokens signed with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from pdp.core.contract.errors import MessageError, UnusableError
from pdp.core.contract.exact_json import JsonLimits, canonical, parse
from pdp.tokens.proof.proof_key import thumbprint_of
from pdp.tokens.secret_file import obtain_secret

SIGNING_ALGORITHM: Final = "EdDSA"
ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105 - a type (RFC 9068, section 2.1), not a secret

_LIMITS: Final = JsonLimits(max_bytes=16 * 1024, max_depth=4)


class SigningKey:
    """An Ed25519 key pair; it is also the key source of its issuer."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public = _public_jwk(key)

    @classmethod
    def open(cls, path: Path) -> "SigningKey":
        """The key in the file at `path`, which is created where there is none.

        Raises:
            UnusableError: the file cannot be created, others can read it, or it holds no such key.

        """
        return cls(_read_private_jwk(obtain_secret(path, _new_private_jwk), path))

    def sign(self, claims: Mapping[str, Any]) -> str:
        """An access token with `claims`."""
        headers = {"typ": ACCESS_TOKEN, "kid": self._public["kid"]}
        return jwt.PyJWS().encode(msgspec.json.encode(claims), self._key, algorithm=SIGNING_ALGORITHM, headers=headers)

    def public_key_set(self) -> bytes:
        """The key set (RFC 7517) to verify its tokens with."""
        return canonical({"keys": [self._public]})

    async def fetch(self, *, now: float) -> bytes:  # noqa: ARG002 - the port's; nothing of it ages
        """The public key set, as a key source gives it."""
        return self.public_key_set()


def _new_private_jwk() -> bytes:
    return canonical(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True))


def _read_private_jwk(raw: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = OKPAlgorithm.from_jwk(parse(raw, limits=_LIMITS))
    except (MessageError, jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise UnusableError(f"`{path}` holds no private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableError(f"`{path}` holds no private Ed25519 key")
    return key


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    public: dict[str, Any] = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    identity = {name: public[name] for name in ("crv", "kty", "x")}
    return identity | {"kid": thumbprint_of(identity), "use": "sig", "alg": SIGNING_ALGORITHM}
