"""An issuer's keys, fetched when needed and kept while they may be."""

import asyncio
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.tokens.signed.jwks import KeysUnavailableError, VerificationKey, matching, read_key_set
from pdp.tokens.signed.key_source import KeySource

COOLDOWN_SECONDS: Final = 10.0
"""Between two fetches that nothing but an unknown key or an earlier failure calls for."""
KEEP_SECONDS: Final = 24 * 3600.0
"""How long keys that can no longer be fetched again are used at most."""


class KeyCache:
    """The keys of one issuer; concurrent askers share one fetch.

    Keys older than `max_age` seconds are fetched again before they are used. Where that fails, the old
    ones stay in use up to `KEEP_SECONDS`, so an issuer's outage is not one of every caller. A key that
    is not known leads to a fetch, at most once per `COOLDOWN_SECONDS`: callers cannot make this cache
    flood the issuer.
    """

    def __init__(self, source: KeySource, *, alias: str, max_age: float, log: FilteringBoundLogger) -> None:
        self._source = source
        self._max_age = max_age
        self._log = log.bind(issuer=alias)
        self._keys: tuple[VerificationKey, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._failed = False
        self._flight: asyncio.Task[None] | None = None

    async def matching(self, *, key_id: str | None, algorithm: str, now: float) -> tuple[VerificationKey, ...]:
        """The keys that may have signed a token with `key_id` and `algorithm`; `now` is Unix seconds.

        Raises:
            KeysUnavailableError: no key of this issuer can be had.

        """
        found = self._usable(key_id, algorithm, now)
        is_fresh = self._fetched_at is not None and 0 <= now - self._fetched_at < self._max_age
        if found and is_fresh:
            return found
        if self._may_try(now):
            flight = self._join_flight(now)
            if found and self._failed:
                return found  # these are what a wait for an issuer that is down would end with
            await asyncio.shield(flight)
            found = self._usable(key_id, algorithm, now)
        if not found and self._fetched_at is None:
            raise KeysUnavailableError("the issuer's keys could not be fetched yet")
        return found

    def _usable(self, key_id: str | None, algorithm: str, now: float) -> tuple[VerificationKey, ...]:
        if self._fetched_at is None or now - self._fetched_at >= max(KEEP_SECONDS, self._max_age):
            return ()
        return matching(self._keys, key_id=key_id, algorithm=algorithm)

    def _may_try(self, now: float) -> bool:
        if self._flight is not None or self._tried_at is None:
            return True
        is_due = self._fetched_at is not None and not self._failed and now - self._fetched_at >= self._max_age
        return is_due or not 0 <= now - self._tried_at < COOLDOWN_SECONDS

    def _join_flight(self, now: float) -> asyncio.Task[None]:
        if self._flight is None:
            self._tried_at = now
            self._flight = asyncio.get_running_loop().create_task(self._refresh(now))
        return self._flight

    async def _refresh(self, now: float) -> None:
        try:
            self._keys = read_key_set(await self._source.fetch())
            self._fetched_at, self._failed = now, False
            self._log.info("issuer_keys_fetched", keys=len(self._keys))
        except KeysUnavailableError as error:
            self._failed = True
            self._log.warning("issuer_keys_unavailable", cause=str(error), kept=len(self._keys))
        finally:
            self._flight = None
