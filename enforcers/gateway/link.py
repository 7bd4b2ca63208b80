"""The way to one server: opened once for all who need it, again when it broke, not too often."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.backoff import Backoff
from enforcers.gateway.upstreams.channel import SessionLostError
from enforcers.gateway.upstreams.upstream import Upstream
from enforcers.offer import Offer
from pdp.core.catalog.definition import pin_of
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonObject

_LEAST_REFRESH_WAIT: Final = 0.5


class UpstreamFactory(Protocol):
    """Makes the upstream of one server."""

    def __call__(self, on_change: Callable[[], None]) -> Upstream:
        """The upstream; it calls `on_change` when the server says that its tools changed."""
        ...


class Link:
    """One server and what it offers; `changed` is called after every reading of its tools.

    `refresh` is the time in seconds after which the tools are read again unasked, `steady` a clock.
    """

    def __init__(
        self,
        factory: UpstreamFactory,
        *,
        server: str,
        refresh: float,
        changed: Callable[[], None],
        steady: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._upstream = factory(self.want_refresh)
        self._server = server
        self._refresh = refresh
        self._changed = changed
        self._steady = steady
        self._log = log
        self._backoff = Backoff()
        self._starting: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._offers: Mapping[str, Offer] = {}
        self.offers: Sequence[Offer] = ()

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._upstream.connected

    def want_refresh(self) -> None:
        """Have `maintain` read the tools again soon."""
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
                raise UpstreamError(f"the server is down, the next attempt is made in {wait:.1f} seconds")
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        await asyncio.shield(self._starting)

    async def call(self, offer: Offer, *, arguments: JsonObject) -> JsonObject:
        """The result of one call of `offer`, which must be offered unchanged.

        Raises:
            UpstreamError: there is none.

        """
        try:
            return await self._call_once(offer, arguments)
        except SessionLostError as error:
            self._log.info("upstream_session_lost", cause=error.detail)
            return await self._call_once(offer, arguments)

    async def maintain(self) -> None:
        """Read the tools again on request and from time to time, and bring back a server that is down."""
        while True:
            await self._wait()
            try:
                await self._read_again()
            except UpstreamError as error:
                self._log.warning("upstream_refresh_failed", cause=error.detail)
            except Exception:  # noqa: BLE001 - the edge of this task, which must go on
                self._log.exception("upstream_refresh_failed")

    async def aclose(self) -> None:
        """Close the connection."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await self._upstream.aclose()

    async def _call_once(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        await self.connect()
        # INVARIANT: what was checked is what is forwarded, also to a server that came back changed.
        current = self._offers.get(offer.tool)
        if current is None or current.pin != offer.pin:
            raise UpstreamError("the server no longer offers the tool as it was checked")
        result = await self._upstream.call(offer.tool, arguments=arguments)
        self._backoff.succeeded()
        return result

    async def _read_again(self) -> None:
        if not self._upstream.connected:
            await self.connect()
            return
        await self._upstream.refresh()
        self._backoff.succeeded()
        self._take()

    async def _start(self) -> None:
        """Start the server; an attempt counts as failed until a call or a later reading has succeeded."""
        self._backoff.failed(now=self._steady())
        try:
            await self._upstream.start()
            self._take()
        except UpstreamError as error:
            self._log.warning("upstream_down", cause=error.detail)
            raise
        except Exception as error:
            self._log.exception("upstream_down")
            raise UpstreamError(f"the server could not be started: {type(error).__name__}") from error

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more

    async def _wait(self) -> None:
        """Until a refresh is wanted or due; a server that is down is due when it may be tried again."""
        pause = self._refresh if self.up else max(self._backoff.wait(now=self._steady()), _LEAST_REFRESH_WAIT)
        try:
            async with asyncio.timeout(pause):
                await self._wanted.wait()
        except TimeoutError:
            return
        self._wanted.clear()
        await asyncio.sleep(_LEAST_REFRESH_WAIT)

    def _take(self) -> None:
        definitions = self._upstream.definitions()
        self.offers = [Offer(self._server, tool["name"], tool, pin_of(tool)) for tool in definitions]
        self._offers = {offer.tool: offer for offer in self.offers}
        self._changed()
