"""Nonces that proofs must carry (RFC 9449 section 9), made and recognised without keeping any."""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any, Final

from pdp.core.contract import base64url
from pdp.core.contract.errors import UnusableError
from pdp.tokens.proof.refusal import unproven
from pdp.tokens.secret_file import obtain_secret

SECRET_BYTES: Final = 32

_TIME_BYTES: Final = 8
_SEAL_BYTES: Final = 16
_MAX_LENGTH: Final = 64


def read_nonce_secret(path: Path) -> bytes:
    """The secret in the file `path`, which is created where there is none.

    Raises:
        UnusableError: it cannot be created, others can read it, or it holds too little.

    """
    secret = obtain_secret(path, lambda: secrets.token_bytes(SECRET_BYTES))
    if len(secret) < SECRET_BYTES:
        raise UnusableError(f"`{path}` holds less than {SECRET_BYTES} bytes")
    return secret


class Nonces:
    """Nonces are good for `lifetime` seconds from when they were made, for whoever knows `secret`.

    `leeway` is seconds by which the clocks of several processes with one secret may differ.
    """

    def __init__(self, secret: bytes, *, lifetime: float, leeway: float) -> None:
        self._secret = secret
        self._lifetime = lifetime
        self._leeway = leeway

    def make(self, *, now: float) -> str:
        """A nonce made at Unix time `now`."""
        made_at = int(now).to_bytes(_TIME_BYTES, "big")
        return base64url.encode(made_at + self._seal(made_at))

    def check(self, nonce: Any, *, now: float) -> None:
        """Return when `nonce`, a claim of a proof, is ours and not too old.

        Raises:
            TokenError: `proof_invalid`, with a nonce that would be good.

        """
        made_at = self._made_at(nonce)
        if made_at is None:
            raise unproven("the proof has no nonce of ours", nonce=self.make(now=now))
        if not -self._leeway <= now - made_at < self._lifetime:
            raise unproven("the proof's nonce is not current", nonce=self.make(now=now))

    def _made_at(self, nonce: Any) -> int | None:
        if not isinstance(nonce, str) or len(nonce) > _MAX_LENGTH:
            return None
        try:
            content = base64url.decode(nonce)
        except ValueError:
            return None
        made_at, seal = content[:_TIME_BYTES], content[_TIME_BYTES:]
        return int.from_bytes(made_at, "big") if hmac.compare_digest(seal, self._seal(made_at)) else None

    def _seal(self, made_at: bytes) -> bytes:
        return hmac.digest(self._secret, made_at, hashlib.sha256)[:_SEAL_BYTES]
