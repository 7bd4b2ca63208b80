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
"""How many tokens' claims are held; the one unused for longest makes room."""
MAX_AGE_SECONDS: Final = 60.0
"""How long claims are held at most: by so much later than without a cache an issuer's withdrawn key is noticed."""


@dataclass(frozen=True, slots=True)
class _Held:
    claims: VerifiedClaims
    since: float
    until: float


class ClaimsCache:
    """Holds what `verifier` said of a token, by the token's SHA-256, until it expires; refusals are never held.

    Claims of the issuers `never` (aliases) are not held either: each use of theirs must be seen by the verifier.
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
        self._held: cachetools.LRUCache[bytes, _Held] = cachetools.LRUCache(entries)

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of `token` when it is genuine, current and meant for us; `now` is Unix seconds.

        Raises:
            TokenError: as the verifier.

        """
        if len(token) > MAX_TOKEN_BYTES:
            return await self._verifier.verify(token, now=now)
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        held = self._held.get(key)
        # A clock that was set back is no reason to believe what was true at a later time.
        if held is not None and held.since <= now < held.until:
            return held.claims
        claims = await self._verifier.verify(token, now=now)
        if claims.alias not in self._never and claims.expires_at > now:
            self._held[key] = _Held(claims, now, min(now + self._max_age, claims.expires_at))
        return claims
