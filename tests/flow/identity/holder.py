"""A holder of a key, who proves it with each request (RFC 9449)."""

import base64
import hashlib
import secrets
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


class Holder:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def proof(self, url: str, *, method: str = "POST", token: str | None = None, **changes: Any) -> str:
        """A proof for one request, good now unless `changes` to its claims say otherwise."""
        now = int(time.time())  # noqa: TID251 - the gateway lives by the wall clock
        claims: dict[str, Any] = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": now}
        if token is not None:
            claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        public: dict[str, Any] = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}
        return jwt.encode(claims | changes, self._key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": jwk})
