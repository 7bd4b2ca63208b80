"""Listening: sockets, signals, and the HTTP server between them and the application."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import UnusableError
from pdp.server.http_protocol import BoundedHttpProtocol
from pdp.server.service import Service
from pdp.tokens.listen_address import Exposure, ListenAddress, TcpAddress, UnixAddress, host_exposure

MAX_CONNECTIONS: Final = 1000
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients keep idle connections, so that none is closed under a request."""
DRAIN_SECONDS: Final = 10

_BACKLOG: Final = 1024
_SOCKET_MASK: Final = 0o117


def run_service(service: Service, *, listen: ListenAddress, log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was asked and return; SIGHUP reloads.

    Raises:
        UnusableError: the address cannot be listened on.
        ConfigurationError: the service refuses to start.

    """
    bound = bind(listen)
    try:
        config = _config(service)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(service, config, bound, log=log))
    finally:
        bound.close()
        if isinstance(listen, UnixAddress):
            listen.path.unlink(missing_ok=True)


def bind(listen: ListenAddress) -> socket.socket:
    """A socket bound to `listen`.

    Raises:
        UnusableError: that cannot be done, or the name of a loopback listener is another address.

    """
    try:
        return _bind_unix(listen.path) if isinstance(listen, UnixAddress) else _bind_tcp(listen)
    except OSError as error:
        raise UnusableError(f"`{listen}` cannot be listened on: {error.strerror}") from error


def _bind_tcp(listen: TcpAddress) -> socket.socket:
    found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    # INVARIANT: what is open to callers without a credential is bound to nothing but loopback.
    if listen.exposure is Exposure.LOOPBACK and host_exposure(str(address[0])) is Exposure.NETWORK:
        raise UnusableError(f"`{listen.host}` does not resolve to a loopback address here")
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _bind_unix(path: Path) -> socket.socket:
    """A socket for owner and group; a file that a killed process left behind is replaced."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_SOCKET_MASK)
    try:
        if _is_left_behind(path):
            path.unlink()
        bound.bind(str(path))
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def _is_left_behind(path: Path) -> bool:
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


def _config(service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        service.app,
        http=BoundedHttpProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


async def _serve(service: Service, config: uvicorn.Config, bound: socket.socket, *, log: FilteringBoundLogger) -> None:
    async with service:
        server = _Server(config, on_started=lambda: _announce(service, bound, log))
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = loop.create_task(service.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGTERM, server.stop)
        loop.add_signal_handler(signal.SIGINT, server.stop)
        loop.add_signal_handler(signal.SIGHUP, reload)
        await server.serve(sockets=[bound])
        log.info("pdp_stopped")


def _announce(service: Service, bound: socket.socket, log: FilteringBoundLogger) -> None:
    name = bound.getsockname()
    address = f"unix:{name}" if isinstance(name, str) else f"http://{TcpAddress(name[0], name[1])}"
    log.info("pdp_ready", address=address, generation=service.generation)


class _Server(uvicorn.Server):
    """uvicorn's server; signals are handled in the loop, so that a good end is exit code 0."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    def stop(self) -> None:
        """Take no more connections, answer what was asked, then return from `serve`."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the loop."""
        yield
