"""A value that is fetched from elsewhere and kept: renewed before it is too old, and used on when that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from pdp.tokens.fetch.unavailable import UnavailableError

T = TypeVar("T")

COOLDOWN_SECONDS: Final = 10.0
"""After a fetch that failed, the next one starts so much later at the earliest."""
KEEP_SECONDS: Final = 24 * 3600.0
"""How long a value that can no longer be fetched again is used at most."""

_RENEWED_AT: Final = 0.75
"""At this part of its age a value in use is renewed, and nobody waits for that."""


class Kept(Generic[T]):
    """What `fetch` gave; concurrent askers share one fetch, and none is taken along when another goes away.

    A value older than `max_age` seconds is fetched again before it is used. Where that fails, the old one
    stays in use up to `KEEP_SECONDS`, and nobody waits for an issuer that is known to be down. `fetch` gets
    the Unix time and raises `UnavailableError`; `what` names the value in the log.
    """

    def __init__(
        self, fetch: Callable[[float], Awaitable[T]], *, what: str, max_age: float, log: FilteringBoundLogger
    ) -> None:
        self._fetch = fetch
        self._what = what
        self._max_age = max_age
        self._log = log
        self._value: T | None = None
        self._fetched_at = 0.0
        self._tried_at = 0.0
        self._failure: str | None = None
        self._flight: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str | None:
        """Why the last fetch failed, None where it did not."""
        return self._failure

    @property
    def is_in_flight(self) -> bool:
        """Whether a fetch is under way."""
        return self._flight is not None

    async def obtain(self, *, now: float) -> T:
        """The value at Unix time `now`.

        Raises:
            UnavailableError: there is none, and none can be had.

        """
        value, age = self.held(now=now), now - self._fetched_at
        if value is not None and 0 <= age < self._max_age * _RENEWED_AT:
            return value
        if value is not None and (self._failure is not None or 0 <= age < self._max_age):
            self._depart(now)
            return value
        await self.renew(now=now)
        value = self.held(now=now)
        if value is None:
            raise UnavailableError(self._failure or f"the issuer's {self._what} could not be fetched")
        return value

    def held(self, *, now: float) -> T | None:
        """The value that can be used at `now` without asking anybody."""
        return self._value if now - self._fetched_at < max(KEEP_SECONDS, self._max_age) else None

    async def renew(self, *, now: float) -> None:
        """Waits for the fetch that is under way or starts now; there is none shortly after one that failed."""
        flight = self._depart(now)
        if flight is not None:
            await asyncio.shield(flight)

    def _depart(self, now: float) -> asyncio.Task[None] | None:
        rests = self._failure is not None and 0 <= now - self._tried_at < COOLDOWN_SECONDS
        if self._flight is None and not rests:
            self._tried_at = now
            self._flight = asyncio.get_running_loop().create_task(self._fly(now))
        return self._flight

    async def _fly(self, now: float) -> None:
        failure: str | None = "the fetch broke off"
        try:
            self._value = await self._fetch(now)
            self._fetched_at, failure = now, None
            self._log.info(f"issuer_{self._what}_fetched")
        except UnavailableError as error:
            failure = str(error)
            self._log.warning(f"issuer_{self._what}_unavailable", cause=failure, kept=self._value is not None)
        finally:
            self._failure, self._flight = failure, None
