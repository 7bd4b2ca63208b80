"""Verified claims, held for a while: a decorator of a verifier that does not check an equal token again."""

import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import cachetools

from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.signed.compact_token import MAX_TOKEN_BYTES
from pdp.tokens.verification import Verifier

MAX_ENTRIES: Final = 4096
"""How many tokens' claims are held of each issuer; the one unused for longest makes room."""
MAX_AGE_SECONDS: Final = 60.0
"""How long claims are held at most: by so much later than without a cache an issuer's withdrawn key is noticed."""


@dataclass(frozen=True, slots=True)
class _Held:
    claims: VerifiedClaims
    since: float
    until: float


class ClaimsCache:
    """Holds what `verifier` said of a token, by the token's SHA-256, until it expires; refusals are never held.

    Each issuer has its own room, so that one with many tokens leaves the others theirs. Claims of the issuers
    `never` (aliases) are not held: each use of theirs must be seen by the verifier.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        never: AbstractSet[str] = frozenset(),
        entries: int = MAX_ENTRIES,
        max_age: float = MAX_AGE_SECONDS,
    ) -> None:
        self._verifier = verifier
        self._never = never
        self._max_age = max_age
        self._entries = entries
        self._rooms: dict[str, cachetools.LRUCache[bytes, _Held]] = {}

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of `token` when it is genuine, current and meant for us; `now` is Unix seconds.

        Raises:
            TokenError: as the verifier.

        """
        if len(token) > MAX_TOKEN_BYTES:
            return await self._verifier.verify(token, now=now)
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        held = next((room[key] for room in self._rooms.values() if key in room), None)
        # A clock that was set back is no reason to believe what was true at a later time.
        if held is not None and held.since <= now < held.until:
            return held.claims
        claims = await self._verifier.verify(token, now=now)
        if claims.alias not in self._never and claims.expires_at > now:
            room = self._rooms.setdefault(claims.alias, cachetools.LRUCache(self._entries))
            room[key] = _Held(claims, now, min(now + self._max_age, claims.expires_at))
        return claims
