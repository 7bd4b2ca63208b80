"""HTTP behind proxies that speak the PROXY protocol first, on every connection, and are the only ones let in."""

from asyncio import BaseTransport
from typing import Any

import structlog

from pdp.hosting.bounded_http import BoundedHttpProtocol
from pdp.hosting.networks import Networks, peer_address
from pdp.hosting.proxy_protocol import ProxyHeaderError, Said, read_proxy_header


class ProxiedHttpProtocol(BoundedHttpProtocol):
    """Takes the client's address from the PROXY header; ends a connection from elsewhere, or without one.

    The time for the first request's head counts from the connection, so the header has no more.
    """

    def __init__(self, *args: Any, proxies: Networks, **named: Any) -> None:
        super().__init__(*args, **named)
        self._proxies = proxies
        self._header: bytearray | None = bytearray()
        """What has come of the header; None once it is there."""
        self._log = structlog.get_logger("toolgate.hosting")

    def connection_made(self, transport: BaseTransport) -> None:
        """Go on with a listed proxy only."""
        super().connection_made(transport)
        try:
            listed = self.client is not None and peer_address(self.client[0]) in self._proxies
        except ValueError:
            listed = False
        if not listed:
            self._end("the peer is none of the listed proxies")

    def data_received(self, data: bytes) -> None:
        """Take the header, then HTTP."""
        if self.transport.is_closing():
            return
        if self._header is None:
            super().data_received(data)
            return
        self._header += data
        try:
            header = read_proxy_header(bytes(self._header))
        except ProxyHeaderError as error:
            self._end(str(error))
            return
        if header is None:
            return
        rest, self._header = bytes(self._header[header.size :]), None
        if header.said is not Said.LOCAL:
            self.client = header.client
        if rest:
            super().data_received(rest)

    def _end(self, cause: str) -> None:
        self._log.warning("connection_refused", peer=self.client[0] if self.client else None, cause=cause)
        self.transport.close()
