"""An issuer's keys, fetched when needed and kept while they may be."""

from collections.abc import Iterable
from typing import Final, TypeAlias

import cachetools
from structlog.typing import FilteringBoundLogger

from pdp.tokens.fetch.kept import COOLDOWN_SECONDS, Kept
from pdp.tokens.signed.jwks import KeysUnavailableError, VerificationKey, matching, read_key_set
from pdp.tokens.signed.key_source import KeySource

MAX_ABSENT: Final = 256
"""How many keys are remembered that the issuer does not have."""
MAX_ABSENCE_SECONDS: Final = 300.0
"""How long at most nobody looks again for one of them."""

_Wanted: TypeAlias = tuple[str | None, str]


class KeyCache:
    """The keys of one issuer.

    A key that is not known leads to a fetch. After one that brought nothing new, none is made for another such
    key within `COOLDOWN_SECONDS`, and for this one within a time that doubles with each fetch in vain: callers
    cannot make this cache flood the issuer, nor fill its memory.
    """

    def __init__(self, source: KeySource, *, alias: str, max_age: float, log: FilteringBoundLogger) -> None:
        self._source = source
        self._kept = Kept(self._fetch, what="keys", max_age=max_age, log=log.bind(issuer=alias))
        self._absent: cachetools.LRUCache[_Wanted, tuple[float, float]] = cachetools.LRUCache(MAX_ABSENT)
        self._sought_at: float | None = None

    async def matching(self, *, key_id: str | None, algorithm: str, now: float) -> tuple[VerificationKey, ...]:
        """The keys that may have signed a token with `key_id` and `algorithm`; `now` is Unix seconds.

        Raises:
            UnavailableError: no key of this issuer can be had, or this one might be there but cannot be looked for.

        """
        keys = await self._kept.obtain(now=now)
        found = matching(keys, key_id=key_id, algorithm=algorithm)
        if found:
            return found
        found = await self._seek((key_id, algorithm), now)
        if not found and self._kept.failure is not None:
            raise KeysUnavailableError(f"the issuer's keys cannot be fetched again: {self._kept.failure}")
        return found

    async def _seek(self, wanted: _Wanted, now: float) -> tuple[VerificationKey, ...]:
        # Twice, because a fetch that is under way may have been answered before this key was published.
        for _ in range(2):
            is_own = not self._kept.is_in_flight
            if is_own and self._rests(wanted, now):
                break
            if is_own:
                self._sought_at = now
            await self._kept.renew(now=now)
            found = self._held(wanted, now)
            if found or self._kept.failure is not None:
                self._sought_at = None  # an issuer that is down costs nobody their turn
                return found
            if is_own:
                self._note_absent(wanted, now)
        return ()

    def _held(self, wanted: _Wanted, now: float) -> tuple[VerificationKey, ...]:
        key_id, algorithm = wanted
        return matching(self._kept.held(now=now) or (), key_id=key_id, algorithm=algorithm)

    def _rests(self, wanted: _Wanted, now: float) -> bool:
        noted_at, rest = self._absent.get(wanted, (now, 0.0))
        is_cooling = self._sought_at is not None and 0 <= now - self._sought_at < COOLDOWN_SECONDS
        return is_cooling or 0 <= now - noted_at < rest

    def _note_absent(self, wanted: _Wanted, now: float) -> None:
        _, rest = self._absent.get(wanted, (now, COOLDOWN_SECONDS / 2))
        self._absent[wanted] = now, min(2 * rest, MAX_ABSENCE_SECONDS)

    async def _fetch(self, now: float) -> tuple[VerificationKey, ...]:
        keys = read_key_set(await self._source.fetch(now=now))
        if _names(keys) - _names(self._kept.held(now=now) or ()):
            # What was new was worth the look: keys are being changed, and others may ask for the next.
            self._sought_at = None
        return keys


def _names(keys: Iterable[VerificationKey]) -> set[str | None]:
    return {key.key_id for key in keys}
