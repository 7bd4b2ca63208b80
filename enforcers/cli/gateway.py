"""`toolgate gateway`: one MCP endpoint before many servers."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from structlog.typing import FilteringBoundLogger

from enforcers.gateway.accounts.opened import open_pages
from enforcers.gateway.app import Gateway, GuardedGateway, configured_servers, http_app, open_gateway
from enforcers.gateway.listen import tcp_address
from enforcers.gateway.naming import Prefixed
from enforcers.gateway.transports.entrance import proxies_of_connections
from enforcers.gateway.transports.http_app import MCP_PATH, Page
from pdp.core.settings.load import read_settings
from pdp.core.settings.model import Settings
from pdp.hosting.address import TcpAddress
from pdp.hosting.event_log import configure_event_log
from pdp.hosting.http_server import HttpServer
from pdp.hosting.interpreter import prepare_to_serve
from pdp.hosting.sockets import bind, with_real_port

ConfigOption = Annotated[Path, typer.Option("--config", help="The file to read.", metavar="FILE")]


def gateway(*, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Run the gateway in front of the servers of the configuration, until SIGTERM.

    Example: toolgate gateway --config toolgate.yaml
    """
    environment = dict(os.environ)  # noqa: TID251 - the edge
    settings = read_settings(config, environ=environment).settings
    log = configure_event_log(sys.stderr)
    uvloop.run(run(settings, base=config.parent, environment=environment, log=log))


async def run(settings: Settings, *, base: Path, environment: Mapping[str, str], log: FilteringBoundLogger) -> None:
    """Serve until told to end.

    Raises:
        ConfigurationError: with every problem found.
        UnusableError: the address, a key, the log or an extra is missing.

    """
    servers = configured_servers(settings, base=base, environment=environment)
    async with open_gateway(settings, base=base, servers=servers, naming=Prefixed()) as opened:
        address = tcp_address(settings.gateway.listen)
        with bind(address) as listening:
            bound = with_real_port(address, socket=listening)
            async with open_pages(settings, base=base, bound=bound) as pages:
                await _serve(opened, pages, settings, bound, listening, log)
    log.info("gateway_stopped")


async def _serve(
    opened: GuardedGateway,
    pages: Mapping[str, Page],
    settings: Settings,
    bound: TcpAddress,
    listening: socket.socket,
    log: FilteringBoundLogger,
) -> None:
    started: list[str] = []
    app = http_app(opened, settings=settings, bound=bound, ready=lambda: bool(started), pages=pages)
    await opened.start()
    server = HttpServer(
        app,
        bound=listening,
        on_ready=lambda: _announce(opened, settings, bound, started, log),
        proxies=proxies_of_connections(settings.gateway),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    prepare_to_serve()
    await server.serve()


def _announce(
    opened: Gateway, settings: Settings, bound: TcpAddress, started: list[str], log: FilteringBoundLogger
) -> None:
    started.append("ready")
    up = opened.router.servers_up()
    log.info(
        "gateway_ready",
        url=f"http://{bound}{MCP_PATH}",
        servers=up,
        servers_down=sorted(set(settings.mcpServers) - set(up)),
        tools=len(list(opened.router.all())),
    )
