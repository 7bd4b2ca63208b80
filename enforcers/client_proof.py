"""How an OAuth client shows who it is to a token endpoint: a shared secret, or a signature."""

import base64
from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote_plus

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pdp.core.contract.errors import MessageError, UnusableError
from pdp.core.contract.exact_json import JsonLimits, parse

ASSERTION_SECONDS: Final = 60

_LIMITS: Final = JsonLimits(max_bytes=64 * 1024, max_depth=4)
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEAST_RSA_BITS: Final = 2048

Shown: TypeAlias = tuple[Mapping[str, str], Mapping[str, str]]
"""Headers and form members of one request."""


class ClientSecret:
    """Authentication by a shared secret (RFC 6749, section 2.3.1)."""

    def __init__(self, client_id: str, secret: str) -> None:
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
        self._headers = {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def prove(self, *, audience: str, now: float, token_id: str) -> Shown:
        """Headers and form members of a request."""
        _ = audience, now, token_id
        return self._headers, {}


class ClientKey:
    """Authentication by a signature (RFC 7523, section 2.2)."""

    def __init__(self, client_id: str, key: Any, *, algorithm: str, key_id: str | None) -> None:
        self._client_id = client_id
        self._key = key
        self._algorithm = algorithm
        self._headers = {} if key_id is None else {"kid": key_id}

    def prove(self, *, audience: str, now: float, token_id: str) -> Shown:
        """Headers and form members of a request."""
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": audience,
            "jti": token_id,
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
        }
        signed = jwt.encode(claims, self._key, algorithm=self._algorithm, headers=self._headers)
        return {}, {"client_id": self._client_id, "client_assertion_type": _ASSERTION, "client_assertion": signed}


def read_client_key(client_id: str, content: bytes, *, file: str) -> ClientKey:
    """The key in `content`, PEM or a JWK: RSA, P-256 or Ed25519.

    Raises:
        UnusableError: it holds no such private key.

    """
    try:
        key, key_id = (
            _jwk(content) if content.lstrip().startswith(b"{") else (load_pem_private_key(content, None), None)
        )
    except (MessageError, UnsupportedAlgorithm, jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise UnusableError(f"`{file}` holds no private key without a passphrase, as PEM or JWK") from error
    match key:
        case rsa.RSAPrivateKey() if key.key_size >= _LEAST_RSA_BITS:
            algorithm = "RS256"
        case ec.EllipticCurvePrivateKey() if key.curve.name == "secp256r1":
            algorithm = "ES256"
        case ed25519.Ed25519PrivateKey():
            algorithm = "EdDSA"
        case _:
            raise UnusableError(f"`{file}` holds no private key for RSA (from 2048 bits), P-256 or Ed25519")
    return ClientKey(client_id, key, algorithm=algorithm, key_id=key_id)


def _jwk(content: bytes) -> tuple[Any, str | None]:
    members = parse(content, limits=_LIMITS)
    key_id = members.get("kid")
    return jwt.PyJWK(members).key, key_id if isinstance(key_id, str) else None
