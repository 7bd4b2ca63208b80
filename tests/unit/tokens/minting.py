"""Keys and tokens for tests, good ones and forged ones; and a log and a key source that remember."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from pdp.tokens.signed.jwks import KeysUnavailableError

NOW = 1_780_000_000.0
ISSUER = "https://login.example.com/"
AUDIENCE = "https://gateway.example.com/mcp"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def public_jwk(key: Any, **members: Any) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        jwk = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, **members}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to None takes the claim out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": int(NOW), "exp": int(NOW) + 300}
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(payload: dict[str, Any] | bytes, *, key: Any = EC_KEY, algorithm: str = "ES256", **header: Any) -> str:
    """A token that is signed as its header says, whatever else is wrong with it."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = {"alg": algorithm, "typ": "at+jwt", "kid": "k1"} | header
    head = {name: value for name, value in head.items() if value is not None}
    signing_input = f"{segment(json.dumps(head).encode())}.{segment(raw)}"
    return sign_text(signing_input, key=key, algorithm=algorithm)


def sign_text(signing_input: str, *, key: Any, algorithm: str) -> str:
    worker = jwt.PyJWS().get_algorithm_by_name(algorithm)
    signature = worker.sign(signing_input.encode(), worker.prepare_key(key))
    return f"{signing_input}.{segment(signature)}"


def segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Events(list[EventDict]):
    """What was logged, and a log that writes there."""

    def log(self) -> FilteringBoundLogger:
        def remember(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
            self.append(dict(event) | {"level": method})
            raise structlog.DropEvent

        log: FilteringBoundLogger = structlog.wrap_logger(
            None, processors=[remember], wrapper_class=structlog.make_filtering_bound_logger(0)
        )
        return log

    def named(self, event: str) -> list[EventDict]:
        return [entry for entry in self if entry["event"] == event]


class Keys:
    """A key source in memory."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.fetches = 0
        self.before: Callable[[], Any] | None = None

    async def fetch(self, *, now: float) -> bytes:
        self.fetches += 1
        if self.before is not None:
            await self.before()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


OUTAGE = KeysUnavailableError("the issuer is down")
