"""All servers behind the gateway: what they offer under which name, and the way to each."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.link import Freshness, Link, UpstreamFactory
from enforcers.gateway.naming import Naming, named
from enforcers.offer import Offer
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.record_terms import UpstreamFailure


class Router:
    """Finds tools by wire name and forwards to their servers; the chain's `Offers` and `Forwarder`.

    A server that is down does not keep the others from being used: its tools are not there until it
    is back, and it is tried again and again.
    """

    def __init__(
        self,
        servers: Mapping[str, UpstreamFactory],
        *,
        naming: Naming,
        freshness: Freshness,
        steady: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._naming = naming
        self._table: Mapping[str, Sequence[Offer]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._links: dict[str, Link] = {}
        self._maintaining: list[asyncio.Task[None]] = []
        for server, factory in servers.items():
            bound = log.bind(server=server)
            self._links[server] = Link(
                factory, server=server, freshness=freshness, changed=self._rebuild, steady=steady, log=bound
            )

    async def start(self) -> None:
        """Connect to every server at once; return when each is up or has failed."""
        await asyncio.gather(*(self._try(link) for link in self._links.values()))
        self._maintaining = [asyncio.create_task(link.maintain()) for link in self._links.values()]

    def table(self) -> Mapping[str, Sequence[Offer]]:
        """Every live tool by wire name, in the order of names."""
        return self._table

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when any server offers something else."""
        self._listeners.append(listener)

    async def settled(self, wire_name: str) -> None:
        """Return once no change that concerns the name is unread; one that nobody offers may be any server's.

        Raises:
            UpstreamError: the server does not say what it offers now.

        """
        offers = self._table.get(wire_name)
        if offers is None:
            links = [link.settled() for link in self._links.values() if link.up]
            await asyncio.gather(*links, return_exceptions=True)
            return
        for server in sorted({offer.server for offer in offers}):
            await self._links[server].settled()

    def offered(self, wire_name: str) -> Offer | None:
        """The tool of that name, approved or not; None when no server offers it, or there are several."""
        offers = self._table.get(wire_name, ())
        return offers[0] if len(offers) == 1 else None

    def all(self) -> Iterable[tuple[str, Offer]]:
        """Every tool that has its wire name for itself, in the order of names."""
        return ((name, offers[0]) for name, offers in self._table.items() if len(offers) == 1)

    def servers_up(self) -> list[str]:
        """The servers to which there is a connection."""
        return sorted(server for server, link in self._links.items() if link.up)

    async def forward(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        """The server's result.

        Raises:
            UpstreamError: there is none that can be answered.
            Refused: `tool_changed`.

        """
        link = self._links.get(offer.server)
        if link is None:
            raise UpstreamError(f"there is no server `{offer.server}`", failure=UpstreamFailure.UNREACHABLE)
        return await link.call(offer, arguments=arguments)

    async def aclose(self) -> None:
        """End every connection and process."""
        for task in self._maintaining:
            task.cancel()
        if self._maintaining:
            await asyncio.wait(self._maintaining)
        await asyncio.gather(*(link.aclose() for link in self._links.values()))

    async def _try(self, link: Link) -> None:
        try:
            await link.connect()
        except UpstreamError:
            return  # logged by the link, and tried again by its maintenance

    def _rebuild(self) -> None:
        offers = [offer for link in self._links.values() for offer in link.offers]
        self._table = named(offers, naming=self._naming)
        for listener in self._listeners:
            listener()
