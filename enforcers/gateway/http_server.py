"""The HTTP server around the app: a socket and uvicorn."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from enforcers.gateway.transports.bounded_http import BoundedHttpProtocol
from enforcers.gateway.transports.http_app import HttpApp
from pdp.core.contract.errors import UnusableError
from pdp.tokens.listen_address import TcpAddress

DRAIN_SECONDS: Final = 10
"""How long requests may still take once the gateway was told to end."""
KEEP_ALIVE_SECONDS: Final = 75
MAX_CONNECTIONS: Final = 2000

_BACKLOG: Final = 1024


def bind(address: TcpAddress) -> tuple[socket.socket, TcpAddress]:
    """A socket that listens on `address`, and where that is once port 0 has become a real one.

    Raises:
        UnusableError: that cannot be done.

    """
    try:
        family, kind, protocol, _, found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found)
    except OSError as error:
        raise UnusableError(f"`{address}` cannot be listened on: {error.strerror}") from error
    return bound, TcpAddress(address.host, int(bound.getsockname()[1]))


class HttpServer:
    """Serves `app` on `bound` until `stop`; `on_ready` is called once it listens."""

    def __init__(self, app: HttpApp, *, bound: socket.socket, on_ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        self._bound = bound
        self._server = _Server(config, on_ready=on_ready)

    async def serve(self) -> None:
        """Serve until `stop`, then answer what was asked and return."""
        await self._server.serve(sockets=[self._bound])

    def stop(self) -> None:
        """Take no more connections, answer what was asked, then return from `serve`."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, which would end the process with the signal."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started us."""
        yield
