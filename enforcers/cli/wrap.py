"""`toolgate wrap`: an enforcer before one stdio server, itself a stdio server."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from enforcers.caller import Caller, Transport
from enforcers.cli.gateway import ConfigOption
from enforcers.gateway.app import message_limits, open_gateway, upstream_factory, upstream_limits
from enforcers.gateway.naming import Unprefixed
from enforcers.gateway.service import ANNOUNCING
from enforcers.gateway.transports.standard_streams import claim_stdout, reader, writer
from enforcers.gateway.transports.stdio import StdioTransport
from enforcers.gateway.upstreams.process import Command
from enforcers.gateway.upstreams.stdio import StdioConnector
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.method import METHOD_PREFIXES
from pdp.core.settings.decision_point import LogWriting
from pdp.core.settings.load import read_settings
from pdp.core.settings.model import SERVER_NAME, Settings
from pdp.hosting.event_log import configure_event_log
from pdp.tokens.presented import bearer

TOKEN_VARIABLE: Final = "TOOLGATE_TOKEN"  # noqa: S105 - the name of a variable

_OWN_VARIABLES: Final = "TOOLGATE_"
_RUNNERS: Final = re.compile(r"npx|bunx|uvx|uv|pipx|node|deno|python[0-9.]*")
_RUNNER_VERBS: Final = frozenset({"run", "tool", "exec"})
_PREFIXES: Final = ("mcp-server-", "server-")


def wrap(
    command: Annotated[list[str], typer.Argument(help="The server's command, after `--`.", metavar="COMMAND...")],
    *,
    config: ConfigOption = Path("toolgate.yaml"),
    server: Annotated[str, typer.Option("--server", help="The server's name in policies.", metavar="NAME")] = "",
) -> None:
    """Run one server over stdio with an enforcer before it; TOOLGATE_TOKEN says on whose behalf.

    Example: toolgate wrap --config toolgate.yaml -- mcp-server-git --repository .
    """
    environment = dict(os.environ)  # noqa: TID251 - the edge
    settings = _with_thread(read_settings(config, environ=environment).settings)
    name = _checked_name(server or server_name(command))
    configure_event_log(sys.stderr)
    wire = claim_stdout()
    asyncio.run(_run(settings, base=config.parent, name=name, command=command, environment=environment, wire=wire))


def _with_thread(settings: Settings) -> Settings:
    """`settings`, in which a thread writes the log unless they say otherwise: there is one of us for each server."""
    log = settings.pdp.log
    if log.writer is not None:
        return settings
    written = log.model_copy(update={"writer": LogWriting.THREAD})
    return settings.model_copy(update={"pdp": settings.pdp.model_copy(update={"log": written})})


def server_name(command: Sequence[str]) -> str:
    """What a server started so is called: its program or, where a runner starts it, what that runs."""
    words = [Path(word).name for word in command if not word.startswith("-")]
    while len(words) > 1 and (_RUNNERS.fullmatch(words[0]) or words[0] in _RUNNER_VERBS):
        words = words[1:]
    name = re.sub(r"[^a-z0-9]+", "-", words[0].partition("@")[0].lower()).strip("-") if words else ""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _checked_name(name: str) -> str:
    if not SERVER_NAME.fullmatch(name) or name in METHOD_PREFIXES:
        raise UnusableError(f"`{name}` cannot be a server's name: give it one with `--server`")
    return name


async def _run(
    settings: Settings, *, base: Path, name: str, command: Sequence[str], environment: Mapping[str, str], wire: int
) -> None:
    """Serve until the input ends or SIGTERM."""
    limits = upstream_limits(settings.gateway)
    # The server gets what it would get without us, but nothing that is ours: no token, no settings.
    theirs = {key: value for key, value in environment.items() if not key.startswith(_OWN_VARIABLES)}
    log = structlog.get_logger("toolgate.wrap").bind(server=name)
    connector = StdioConnector(Command(command, theirs), limits=limits, log=log)
    servers = {name: upstream_factory(connector, server=name, limits=limits)}
    async with open_gateway(settings, base=base, servers=servers, naming=Unprefixed(), legacy=ANNOUNCING) as gateway:
        starting = asyncio.ensure_future(gateway.start())
        token = environment.get(TOKEN_VARIABLE)
        transport = StdioTransport(
            gateway.service,
            caller=Caller(bearer(token) if token else None, Transport.STDIO),
            limits=message_limits(settings.gateway),
            ready=lambda: asyncio.shield(starting),
            write_line=await writer(wire),
            log=log,
        )
        gateway.definitions.subscribe(transport.tools_changed)
        serving = asyncio.ensure_future(transport.serve(await reader()))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
        log.info("wrap_ready")
        await _until_served(serving, starting)


async def _until_served(serving: asyncio.Future[None], starting: asyncio.Future[None]) -> None:
    """Return when the client is done or we are told to end; a start that is refused ends all."""
    try:
        await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        await asyncio.wait({serving})
        if not serving.cancelled():
            serving.result()
    finally:
        serving.cancel()
        starting.cancel()
        await asyncio.wait({serving, starting})
