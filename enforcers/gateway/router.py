"""All servers behind the gateway: what they offer under which name, and the way to each."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.link import Link, UpstreamFactory
from enforcers.gateway.naming import Collision, Naming, named
from enforcers.offer import Offer
from pdp.core.contract.errors import ConfigurationError, UpstreamError
from pdp.core.contract.exact_json import JsonObject


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
        refresh: float,
        steady: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._naming = naming
        self._log = log
        self._table: Mapping[str, Offer] = {}
        self._collisions: tuple[Collision, ...] = ()
        self._links: dict[str, Link] = {}
        self._maintaining: list[asyncio.Task[None]] = []
        for server, factory in servers.items():
            bound = log.bind(server=server)
            self._links[server] = Link(
                factory, server=server, refresh=refresh, changed=self._rebuild, steady=steady, log=bound
            )

    async def start(self) -> None:
        """Connect to every server at once; return when each is up or has failed.

        Raises:
            ConfigurationError: two tools would have one name on the wire.

        """
        await asyncio.gather(*(self._try(link) for link in self._links.values()))
        if self._collisions:
            raise ConfigurationError(collision.problem() for collision in self._collisions)
        self._maintaining = [asyncio.create_task(link.maintain()) for link in self._links.values()]

    def find(self, wire_name: str) -> Offer | None:
        """The tool of that name, None when no server offers it."""
        return self._table.get(wire_name)

    def all(self) -> Iterable[tuple[str, Offer]]:
        """Every tool with its wire name, in the order of wire names."""
        return self._table.items()

    def servers_up(self) -> list[str]:
        """The servers to which there is a connection."""
        return sorted(server for server, link in self._links.items() if link.up)

    async def forward(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        """The server's result.

        Raises:
            UpstreamError: there is none that can be answered.

        """
        link = self._links.get(offer.server)
        if link is None:
            raise UpstreamError(f"there is no server `{offer.server}`")
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
        self._table, collisions = named(offers, naming=self._naming)
        if tuple(collisions) != self._collisions:
            self._collisions = tuple(collisions)
            for collision in collisions:
                self._log.error("tools_hidden", wire_name=collision.wire_name, tools=collision.tools)
