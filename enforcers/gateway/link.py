"""The way to one server: opened once for all who need it, again when it broke, not too often."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.backoff import Backoff
from enforcers.gateway.upstreams.channel import SessionLostError
from enforcers.gateway.upstreams.upstream import Upstream
from enforcers.offer import Offer
from pdp.core.catalog.definitions.definition import pin_of
from pdp.core.contract.errors import Refused, UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import UpstreamFailure

LEAST_TTL: Final = 5.0
"""A server's `ttlMs` that is shorter counts as this many seconds; 0, the default, says nothing."""

_LEAST_WAIT: Final = 0.5
"""Seconds between the starts of two readings."""
_EARLY: Final = 0.75
"""The part of its age after which a reading is made anew unasked, so that calls seldom wait for it."""
_SPREAD: Final = 0.25
"""By so much of its age that may be sooner, so that many gateways do not ask at once (MCP 2026-07-28, "Caching")."""


class UpstreamFactory(Protocol):
    """Makes the upstream of one server."""

    def __call__(self, on_change: Callable[[], None]) -> Upstream:
        """The upstream; it calls `on_change` when the server says that its tools changed."""
        ...


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the last reading of a server's tools may be for a call, and how long a call waits for one: seconds.

    `jitter` gives numbers from 0 to 1.
    """

    max_age: float = 60.0
    patience: float = 60.0
    jitter: Callable[[], float] = lambda: 0.0


class Link:
    """One server and what it offers; `changed` is called when that is another, `steady` is a clock."""

    def __init__(
        self,
        factory: UpstreamFactory,
        *,
        server: str,
        freshness: Freshness,
        changed: Callable[[], None],
        steady: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._upstream = factory(self.announce)
        self._server = server
        self._freshness = freshness
        self._changed = changed
        self._steady = steady
        self._log = log
        self._backoff = Backoff()
        self._starting: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._announced = 0
        self._read_up_to = 0
        self._tried_at = self._read_at = steady()
        self._was_taken = False
        self._offers: Mapping[str, Offer] = {}
        self.offers: Sequence[Offer] = ()

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._upstream.connected

    def announce(self) -> None:
        """Note that the server says its tools changed: no call goes to it before they were read again."""
        self._announced += 1
        self._wanted.set()

    async def connect(self) -> None:
        """Have a connection; callers at one time share the attempt, and none of them can cancel it.

        Raises:
            UpstreamError: there is none, or the last attempt failed too recently.

        """
        if self._upstream.connected:
            return
        if self._starting is None:
            wait = self._backoff.wait(now=self._steady())
            if wait > 0:
                raise UpstreamError(
                    f"the server is down, the next attempt is made in {wait:.1f} seconds",
                    failure=UpstreamFailure.UNREACHABLE,
                )
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        await asyncio.shield(self._starting)

    async def settled(self) -> None:
        """Return once the tools were read after the last change announced, and not longer ago than allowed.

        Raises:
            UpstreamError: they cannot be read, or not soon enough.

        """
        if self._is_settled():
            return
        try:
            async with asyncio.timeout(self._freshness.patience):
                while not self._is_settled():
                    await self._read()
        except TimeoutError as error:
            text = f"the server's tools could not be read again within {self._freshness.patience:g} seconds"
            raise UpstreamError(text, failure=UpstreamFailure.TIMEOUT) from error

    async def call(self, offer: Offer, *, arguments: JsonObject) -> JsonObject:
        """The result of one call of `offer`, which must be offered unchanged.

        Raises:
            UpstreamError: there is none.
            Refused: `tool_changed`.

        """
        try:
            return await self._call_once(offer, arguments)
        except SessionLostError as error:
            self._log.info("upstream_session_lost", cause=error.detail)
            return await self._call_once(offer, arguments)

    async def maintain(self) -> None:
        """Read the tools again when they changed and before the reading is too old; bring back a server that is down.

        Never returns.
        """
        while True:
            await self._wait()
            try:
                await self._read()
            except UpstreamError as error:
                self._log.warning("upstream_refresh_failed", cause=error.detail)
            except Exception:  # noqa: BLE001 - the edge of this task, which must go on
                self._log.exception("upstream_refresh_failed")

    async def aclose(self) -> None:
        """Close the connection."""
        for task in (self._starting, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._upstream.aclose()

    async def _call_once(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        await self.connect()
        await self.settled()
        # INVARIANT: what was checked is what is forwarded, also to a server that came back changed.
        current = self._offers.get(offer.tool)
        if current is None or current.pin != offer.pin:
            raise Refused(ReasonCode.TOOL_CHANGED, "the server no longer offers the tool as it was checked")
        result = await self._upstream.call(offer.tool, arguments=arguments)
        self._backoff.succeeded()
        return result

    def _is_settled(self) -> bool:
        return self._read_up_to == self._announced and self._steady() - self._read_at <= self._max_age()

    def _max_age(self) -> float:
        ttl = self._upstream.ttl()
        return self._freshness.max_age if ttl is None else min(self._freshness.max_age, max(ttl, LEAST_TTL))

    async def _read(self) -> None:
        """Read the tools, connecting first where that is needed; who comes meanwhile shares the reading.

        Raises:
            UpstreamError: they could not be read.

        """
        if not self._upstream.connected:
            await self.connect()
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_again())
            self._reading.add_done_callback(self._was_read)
        await asyncio.shield(self._reading)

    async def _read_again(self) -> None:
        await asyncio.sleep(max(0.0, self._tried_at + _LEAST_WAIT - self._steady()))
        announced, began = self._begin()
        await self._upstream.refresh()
        self._backoff.succeeded()
        self._take(announced, began)

    def _begin(self) -> tuple[int, float]:
        """INVARIANT: a reading answers what was announced before it began, and is as old as its question."""
        self._tried_at = self._steady()
        return self._announced, self._tried_at

    def _was_read(self, task: asyncio.Task[None]) -> None:
        self._reading = None
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more

    async def _start(self) -> None:
        """Start the server; an attempt counts as failed until a call or a later reading has succeeded."""
        self._backoff.failed(now=self._steady())
        announced, began = self._begin()
        try:
            await self._upstream.start()
        except UpstreamError as error:
            self._log.warning("upstream_down", cause=error.detail)
            raise
        except Exception as error:
            self._log.exception("upstream_down")
            raise UpstreamError(
                f"the server could not be started: {type(error).__name__}", failure=UpstreamFailure.UNREACHABLE
            ) from error
        self._take(announced, began)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more

    async def _wait(self) -> None:
        """Until a reading is wanted or due; a server that is down is due when it may be tried again."""
        now = self._steady()
        if self.up:
            share = _EARLY - _SPREAD * self._freshness.jitter()
            pause = max(self._tried_at + self._max_age() * share - now, 0.0)
        else:
            pause = max(self._backoff.wait(now=now), _LEAST_WAIT)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wanted.wait()
        self._wanted.clear()

    def _take(self, announced: int, began: float) -> None:
        """Take over what was read; a name that is offered more than once can be called under none of them."""
        definitions = self._upstream.definitions()
        offers = [Offer(self._server, tool["name"], tool, pin_of(tool)) for tool in definitions]
        times = Counter(offer.tool for offer in offers)
        # By their pins, since `1`, `1.0` and `true` are equal to each other.
        same = self._was_taken and [each.pin for each in offers] == [each.pin for each in self.offers]
        self._read_up_to, self._read_at, self._was_taken = announced, began, True
        if not same:
            self.offers = offers
            self._offers = {offer.tool: offer for offer in offers if times[offer.tool] == 1}
            self._changed()
