"""The decision point's process: its socket, its signals, and the HTTP server in front of the service."""

import asyncio
import signal
import socket

import uvloop
from structlog.typing import FilteringBoundLogger

from pdp.hosting.address import ListenAddress, UnixAddress
from pdp.hosting.http_server import HttpServer
from pdp.hosting.sockets import bind, with_real_port
from pdp.server.service import Service


def run_service(service: Service, *, listen: ListenAddress, log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT, then answer what was asked and return; SIGHUP reloads.

    Raises:
        UnusableError: the address cannot be listened on.
        ConfigurationError: the service refuses to start.

    """
    bound = bind(listen)
    try:
        uvloop.run(_serve(service, bound, listen=listen, log=log))
    finally:
        bound.close()
        if isinstance(listen, UnixAddress):
            listen.path.unlink(missing_ok=True)


async def _serve(service: Service, bound: socket.socket, *, listen: ListenAddress, log: FilteringBoundLogger) -> None:
    async with service:
        server = HttpServer(service.app, bound=bound, on_ready=lambda: _announce(service, bound, listen, log))
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = loop.create_task(service.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGTERM, server.stop)
        loop.add_signal_handler(signal.SIGINT, server.stop)
        loop.add_signal_handler(signal.SIGHUP, reload)
        await server.serve()
        log.info("pdp_stopped")


def _announce(service: Service, bound: socket.socket, listen: ListenAddress, log: FilteringBoundLogger) -> None:
    address = str(listen) if isinstance(listen, UnixAddress) else f"http://{with_real_port(listen, socket=bound)}"
    log.info("pdp_ready", address=address, generation=service.generation)
