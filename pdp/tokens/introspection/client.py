"""How we show an issuer who asks: the client authentication of RFC 6749 section 2.3 and RFC 7523."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote_plus

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pdp.core.contract.errors import UnusableError
from pdp.core.settings.introspection import IntrospectionSettings
from pdp.tokens.secret_file import read_secret

ASSERTION_SECONDS: Final = 60
"""How long a signed statement of who asks is good."""

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ID_BYTES: Final = 16
_MIN_RSA_BITS: Final = 2048

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request carries to show who asks: members of its form and headers."""

    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class ClientAuthentication(Protocol):
    """Shows who asks."""

    def show(self, *, now: float) -> Shown:
        """What to send at Unix time `now`."""
        ...


class SecretBasic:
    """`client_secret_basic` (RFC 6749 section 2.3.1)."""

    def __init__(self, client_id: str, secret: str) -> None:
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode("ascii")
        self._header = f"Basic {base64.b64encode(pair).decode('ascii')}"

    def show(self, *, now: float) -> Shown:
        """The same at any time."""
        _ = now
        return Shown(headers={"authorization": self._header})


class PrivateKeyJwt:
    """`private_key_jwt` (RFC 7523 section 2.2): a statement for `audience`, the issuer, signed anew each time."""

    def __init__(self, client_id: str, key: PrivateKey, *, audience: str, randomness: Callable[[int], bytes]) -> None:
        self._client_id = client_id
        self._key = key
        self._algorithm = _algorithm(key)
        self._audience = audience
        self._randomness = randomness

    def show(self, *, now: float) -> Shown:
        """A statement that is good from `now` for a minute."""
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._audience,
            "jti": self._randomness(_ID_BYTES).hex(),
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
        }
        statement = jwt.PyJWS().encode(msgspec.json.encode(claims), self._key, algorithm=self._algorithm)
        form = {"client_id": self._client_id, "client_assertion_type": _ASSERTION, "client_assertion": statement}
        return Shown(form=form)


def client_authentication(
    settings: IntrospectionSettings, *, audience: str, base: Path, randomness: Callable[[int], bytes]
) -> ClientAuthentication:
    """The way of `settings` to show the issuer `audience` who asks; files are relative to `base`.

    Raises:
        UnusableError: a file cannot be read, others can read it, or it holds no secret or key to use.

    """
    if settings.client_key is not None:
        key = _read_key(base / settings.client_key)
        return PrivateKeyJwt(settings.client_id, key, audience=audience, randomness=randomness)
    if settings.client_secret_file is not None:
        return SecretBasic(settings.client_id, _read_text(base / settings.client_secret_file))
    return SecretBasic(settings.client_id, settings.client_secret or "")


def _read_text(path: Path) -> str:
    try:
        secret = _read(path).decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UnusableError(f"`{path}` holds no text") from error
    if not secret:
        raise UnusableError(f"`{path}` holds no secret")
    return secret


def _read_key(path: Path) -> PrivateKey:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableError(f"`{path}` holds no private key in PEM") from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= _MIN_RSA_BITS:
        return key
    if isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise UnusableError(f"`{path}` holds no RSA key of {_MIN_RSA_BITS} bits, P-256 or Ed25519 key")


def _read(path: Path) -> bytes:
    try:
        return read_secret(path)
    except FileNotFoundError as error:
        raise UnusableError(f"`{path}` is missing") from error


def _algorithm(key: PrivateKey) -> str:
    match key:
        case RSAPrivateKey():
            return "PS256"
        case EllipticCurvePrivateKey():
            return "ES256"
        case Ed25519PrivateKey():
            return "EdDSA"
        case _:
            raise TypeError("no such key")
