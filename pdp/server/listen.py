"""The decision point's process: its socket, its signals, and the HTTP server in front of the service."""

import asyncio
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import uvloop
from structlog.typing import FilteringBoundLogger

from pdp.hosting.address import ListenAddress, UnixAddress
from pdp.hosting.descriptors import make_room
from pdp.hosting.http_server import MAX_CONNECTIONS, HttpServer
from pdp.hosting.interpreter import prepare_to_serve
from pdp.hosting.sockets import bind, with_real_port
from pdp.server.exchange import AsgiApp
from pdp.server.service import Service


@dataclass(frozen=True, slots=True)
class _Entrance:
    """One application on one socket; `ready` is the event that tells its address."""

    app: AsgiApp
    listen: ListenAddress
    bound: socket.socket
    ready: str
    streams: int = 0
    """Connections beside all others that may have an answer without end."""


def run_service(
    service: Service,
    *,
    listen: ListenAddress,
    log: FilteringBoundLogger,
    admin: ListenAddress | None = None,
    streams: int = 0,
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was asked and return; SIGHUP reloads.

    There may be `streams` connections to `listen` beside all others.

    Raises:
        UnusableError: an address cannot be listened on.
        ConfigurationError: the service refuses to start.

    """
    with ExitStack() as sockets:
        entrances = [_Entrance(service.app, listen, sockets.enter_context(_bound(listen)), "pdp_ready", streams)]
        if service.admin is not None and admin is not None:
            entrances.append(_Entrance(service.admin, admin, sockets.enter_context(_bound(admin)), "admin_ready"))
        wanted = sum(_connections(one) for one in entrances)
        if (possible := make_room(wanted)) < wanted:
            log.warning("open_files_short", connections=wanted, possible=possible)
        uvloop.run(_serve(service, entrances, log=log))


@contextmanager
def _bound(listen: ListenAddress) -> Iterator[socket.socket]:
    bound = bind(listen)
    try:
        yield bound
    finally:
        bound.close()
        if isinstance(listen, UnixAddress):
            listen.path.unlink(missing_ok=True)


async def _serve(service: Service, entrances: Sequence[_Entrance], *, log: FilteringBoundLogger) -> None:
    async with service:
        servers = [_server(one, service, log) for one in entrances]
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = loop.create_task(service.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        def stop() -> None:
            for server in servers:
                server.stop()

        loop.add_signal_handler(signal.SIGTERM, stop)
        loop.add_signal_handler(signal.SIGINT, stop)
        loop.add_signal_handler(signal.SIGHUP, reload)
        prepare_to_serve()
        async with asyncio.TaskGroup() as tasks:
            for server in servers:
                tasks.create_task(server.serve())
        log.info("pdp_stopped")


def _server(entrance: _Entrance, service: Service, log: FilteringBoundLogger) -> HttpServer:
    def announce() -> None:
        listen = entrance.listen
        if isinstance(listen, UnixAddress):
            address = str(listen)
        else:
            address = f"http://{with_real_port(listen, socket=entrance.bound)}"
        log.info(entrance.ready, address=address, generation=service.generation)

    return HttpServer(
        entrance.app,
        bound=entrance.bound,
        on_ready=announce,
        on_stop=service.stop,
        connections=_connections(entrance),
    )


def _connections(entrance: _Entrance) -> int:
    return MAX_CONNECTIONS + entrance.streams
