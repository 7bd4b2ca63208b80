"""Connections that go to an address that was checked: between check and connect no name is resolved again."""

from collections.abc import Iterable
from typing import Final

import httpcore

from pdp.hosting.address import Exposure
from pdp.tokens.fetch.reach import Address, Reach, Resolver
from pdp.tokens.fetch.unavailable import UnavailableError

_MAX_ADDRESSES: Final = 4
"""How many addresses of one host are tried."""


class CheckedConnections(httpcore.AsyncNetworkBackend):
    """Opens connections to hosts with `exposure` that `reach` allows; TLS above it still checks the name."""

    def __init__(self, *, reach: Reach, resolver: Resolver, exposure: Exposure) -> None:
        self._reach = reach
        self._resolver = resolver
        self._exposure = exposure
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of `host` that may be reached and answers.

        Raises:
            UnavailableError: there is no address that may be.

        """
        addresses = self._reach.within(await self._resolve(host, port), exposure=self._exposure)[:_MAX_ADDRESSES]
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(addresses[-1]), port, share, local_address, socket_options)

    async def _resolve(self, host: str, port: int) -> tuple[Address, ...]:
        try:
            return tuple(await self._resolver.addresses(host, port=port))
        except (OSError, UnicodeError) as error:
            raise UnavailableError(f"`{host}` cannot be resolved") from error
