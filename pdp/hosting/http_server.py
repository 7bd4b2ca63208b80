"""The HTTP server around an application: uvicorn, bounded, ended by whoever started it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import uvicorn

from pdp.hosting.bounded_http import BoundedHttpProtocol
from pdp.hosting.networks import Networks
from pdp.hosting.proxied_http import ProxiedHttpProtocol

MAX_CONNECTIONS: Final = 2000
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients keep idle connections, so that none is closed under a request."""
DRAIN_SECONDS: Final = 10
"""How long requests may still take once the server was told to end."""

_BACKLOG: Final = 1024


class HttpServer:
    """Serves the ASGI application `app` on `bound` until `stop`; `on_ready` is called once it listens.

    `on_stop` is called once it no longer does, for what would not end by itself. At most `connections` are open at
    once. With `proxies` every connection is from one of them and begins with a PROXY header.
    """

    def __init__(
        self,
        app: Any,
        *,
        bound: socket.socket,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None] = lambda: None,
        connections: int = MAX_CONNECTIONS,
        proxies: Networks | None = None,
    ) -> None:
        protocol: Any = BoundedHttpProtocol if proxies is None else partial(ProxiedHttpProtocol, proxies=proxies)
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            limit_concurrency=connections,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        self._bound = bound
        self._server = _Server(config, on_ready=on_ready, on_stop=on_stop)

    async def serve(self) -> None:
        """Serve until `stop`, then answer what was asked and return."""
        await self._server.serve(sockets=[self._bound])

    def stop(self) -> None:
        """Take no more connections, answer what was asked, then return from `serve`."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, which would end the process with the signal."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then listen no more and wait for what goes on; nothing comes between the two."""
        self._on_stop()
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started us."""
        yield
