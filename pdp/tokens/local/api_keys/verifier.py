"""Verification of API keys."""

import asyncio
import hashlib
from typing import Final

import cachetools

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.tokens.local.api_keys.entry import KeyEntry
from pdp.tokens.local.api_keys.key_ring import KeyRing
from pdp.tokens.local.api_keys.key_text import ApiKey, read_key
from pdp.tokens.local.attempts import BY_NAME, Attempts
from pdp.tokens.local.secret_hash import HashingBusyError, SecretHash, SecretMismatchError

KEYS_ISSUER: Final = "urn:toolgate:api-keys"
HELD: Final = 1024
"""How many keys are known to be right without hashing them again; the one unused for longest makes room."""
HELD_SECONDS: Final = 300.0

_REVOKED: Final = "the API key was revoked"


class KeyVerifier:
    """Verifies API keys; `alias` is that of their principals.

    A key that was right is known by its SHA-256 for a while, together with the hash that said so: whether the
    key still exists, is revoked or has expired is looked at on every use. An unknown id costs as much as a
    wrong secret, and is counted alike.
    """

    def __init__(self, ring: KeyRing, *, hashing: SecretHash, alias: str) -> None:
        self._ring = ring
        self._hashing = hashing
        self._alias = alias
        self._attempts = Attempts(BY_NAME)
        self._right: cachetools.LRUCache[bytes, tuple[str, float]] = cachetools.LRUCache(HELD)
        self._flights: dict[tuple[bytes, str | None], asyncio.Task[None]] = {}

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of the key `token` at Unix time `now`.

        Raises:
            TokenError: `token_invalid`, `token_expired`, `limit_exceeded`, `issuer_unavailable`.

        """
        # (1) the form, with its checksum
        key = read_key(token)
        # (2) what the file has of it
        entry = await self._ring.find(key.id, now=now)
        # (3) the secret
        await self._check_secret(key, entry, now)
        if entry is None:
            raise _invalid()  # not reached: nothing matches a hash that is not there
        # (4) whether it is still good; only its holder learns that it is not
        if entry.revoked is not None:
            raise TokenError(ReasonCode.TOKEN_INVALID, _REVOKED, caller_text=_REVOKED)
        if entry.expires_at <= now:
            raise TokenError(ReasonCode.TOKEN_EXPIRED, "the API key has expired")
        return VerifiedClaims(
            self._alias, KEYS_ISSUER, entry.subject, entry.expires_at, entry.claims(), CredentialKind.API_KEY
        )

    async def _check_secret(self, key: ApiKey, entry: KeyEntry | None, now: float) -> None:
        """Return when the secret is right; several who show one key at once share the work."""
        encoded = None if entry is None else entry.hash
        digest = hashlib.sha256(key.text.encode()).digest()
        right, until = self._right.get(digest, ("", 0.0))
        if right == encoded and until - HELD_SECONDS <= now < until:
            return
        flight = self._flights.get((digest, encoded))
        if flight is None:
            self._attempts.begin(key.id, now=now)
            flight = asyncio.get_running_loop().create_task(self._hash(key, encoded, digest, now))
            self._flights[digest, encoded] = flight
            flight.add_done_callback(lambda done: self._land(digest, encoded, done))
        await asyncio.shield(flight)

    def _land(self, digest: bytes, encoded: str | None, done: asyncio.Task[None]) -> None:
        self._flights.pop((digest, encoded), None)
        if not done.cancelled():
            done.exception()  # everybody who waited may have gone away

    async def _hash(self, key: ApiKey, encoded: str | None, digest: bytes, now: float) -> None:
        try:
            await self._hashing.verify(encoded, secret=key.secret)
        except SecretMismatchError as error:
            raise _invalid() from error
        except HashingBusyError as error:
            self._attempts.forgive(key.id)  # it was not looked at
            raise TokenError(ReasonCode.LIMIT_EXCEEDED, "too many keys are being checked") from error
        self._attempts.succeeded(key.id)
        if encoded is not None:
            self._right[digest] = (encoded, now + HELD_SECONDS)


def _invalid() -> TokenError:
    return TokenError(ReasonCode.TOKEN_INVALID, "no such API key")
