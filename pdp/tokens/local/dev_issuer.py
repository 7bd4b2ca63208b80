"""A local issuer for trying things out: its key is a file of this machine."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from pdp.core.contract.errors import MessageError, UnusableError
from pdp.core.contract.exact_json import JsonLimits, canonical, parse
from pdp.core.settings.identity import DevIssuerSettings
from pdp.tokens.secret_file import obtain_secret

DEV_ALGORITHM: Final = "EdDSA"

_LIMITS: Final = JsonLimits(max_bytes=16 * 1024, max_depth=4)


@dataclass(frozen=True, slots=True)
class DevClaims:
    """Whom a development token speaks for; `actors` are nearest first."""

    subject: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    tenant: str | None = None
    client_id: str | None = None
    actors: tuple[str, ...] = ()

    def members(self) -> dict[str, Any]:
        """These as claims of a token; what is absent stays absent."""
        act: dict[str, Any] | None = None
        for actor in reversed(self.actors):
            act = {"sub": actor} if act is None else {"sub": actor, "act": act}
        claims = {
            "sub": self.subject,
            "groups": list(self.groups) or None,
            "roles": list(self.roles) or None,
            "scope": " ".join(self.scopes) or None,
            "tenant": self.tenant,
            "client_id": self.client_id,
            "act": act,
        }
        return {name: value for name, value in claims.items() if value is not None}


class DevIssuer:
    """Signs tokens with a key from a file, and gives the public half as a key set."""

    def __init__(self, settings: DevIssuerSettings, key: Ed25519PrivateKey) -> None:
        self._settings = settings
        self._key = key
        self._public = _public_jwk(key)

    @classmethod
    def open(cls, settings: DevIssuerSettings, *, base: Path) -> "DevIssuer":
        """The issuer of `settings`; its key file, relative to `base`, is created where there is none.

        Raises:
            UnusableError: the key file cannot be created, others can read it, or it holds no such key.

        """
        path = base / settings.key
        return cls(settings, _read_private_jwk(obtain_secret(path, _new_private_jwk), path))

    def sign(self, claims: DevClaims, *, now: float, ttl: float, token_id: str) -> str:
        """A token for `claims` that is good from `now` (Unix seconds) for `ttl` seconds."""
        payload = claims.members() | {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "iat": int(now),
            "exp": int(now + ttl),
            "jti": token_id,
        }
        headers = {"typ": "at+jwt", "kid": self._public["kid"]}
        return jwt.PyJWS().encode(msgspec.json.encode(payload), self._key, algorithm=DEV_ALGORITHM, headers=headers)

    def public_key_set(self) -> bytes:
        """The key set to verify this issuer's tokens with."""
        return canonical({"keys": [self._public]})


class DevKeys:
    """The key source of a local issuer."""

    def __init__(self, issuer: DevIssuer) -> None:
        self._issuer = issuer

    async def fetch(self, *, now: float) -> bytes:
        """The public key set, at any time."""
        _ = now
        return self._issuer.public_key_set()


def _new_private_jwk() -> bytes:
    return canonical(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True))


def _read_private_jwk(raw: bytes, path: Path) -> Ed25519PrivateKey:
    try:
        key = OKPAlgorithm.from_jwk(parse(raw, limits=_LIMITS))
    except (MessageError, jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise UnusableError(f"`{path}` holds no private key of the development issuer") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableError(f"`{path}` holds no private Ed25519 key")
    return key


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    public: dict[str, Any] = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    identity = {name: public[name] for name in ("crv", "kty", "x")}
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical(identity)).digest()).rstrip(b"=")
    return identity | {"kid": thumbprint.decode("ascii"), "use": "sig", "alg": DEV_ALGORITHM}
