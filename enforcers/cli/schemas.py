"""`toolgate schemas`: snapshots of tool definitions, to be reviewed and committed."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from enforcers.cli.gateway import ConfigOption
from enforcers.gateway.app import configured_servers
from enforcers.gateway.link import UpstreamFactory
from pdp.core.catalog.definition import Kind, definition_of
from pdp.core.catalog.snapshot import SCHEMAS, snapshot_bytes, snapshot_path
from pdp.core.contract.errors import UnusableError, UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.settings.load import read_settings
from pdp.hosting.event_log import configure_event_log

app: Final = typer.Typer(
    name="schemas",
    help="Snapshots of tool definitions, to be reviewed and committed.",
    epilog="Example: toolgate schemas pull git",
    no_args_is_help=True,
)

ServersArgument = Annotated[
    list[str] | None, typer.Argument(help="Servers of `mcpServers`; without any, all.", metavar="[SERVER...]")
]


@app.callback()
def _schemas() -> None:
    """Snapshots of tool definitions, to be reviewed and committed."""


@app.command(epilog="Example: toolgate schemas pull git && git diff schemas/")
def pull(servers: ServersArgument = None, *, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Write what the servers offer now to `schemas/`; a tool is approved once a decision point has its snapshot.

    Exit 1 when a server did not answer; what the others offer is written all the same.
    """
    environment = dict(os.environ)  # noqa: TID251 - the edge
    settings = read_settings(config, environ=environment).settings
    configure_event_log(sys.stderr)
    factories = configured_servers(settings, base=config.parent, environment=environment)
    unknown = sorted(set(servers or ()) - set(factories))
    if unknown:
        raise UnusableError(f"`{unknown[0]}` is not among `mcpServers` of `{config}`")
    chosen = {name: factory for name, factory in factories.items() if not servers or name in servers}
    failed = asyncio.run(_pull(chosen, root=config.parent / settings.pdp.schemas))
    if failed:
        raise typer.Exit(1)


async def _pull(factories: Mapping[str, UpstreamFactory], *, root: Path) -> int:
    """Write every server's snapshots below `root`, one server after the other; how many did not answer."""
    failed = 0
    for server, factory in factories.items():
        try:
            definitions = await _definitions(factory)
        except UpstreamError as error:
            failed += 1
            _say(f"{server}: {error.detail}")
            continue
        for definition in sorted(definitions, key=lambda definition: str(definition["name"])):
            read = definition_of(Kind.TOOL, server=server, content=definition)
            path = root / Path(snapshot_path(Kind.TOOL, server=server, name=read.name)).relative_to(SCHEMAS)
            _say(f"{read.id}: {_write(path, snapshot_bytes(read))}")
    return failed


async def _definitions(factory: UpstreamFactory) -> Sequence[JsonObject]:
    upstream = factory(lambda: None)
    try:
        await upstream.start()
        return upstream.definitions()
    finally:
        await upstream.aclose()


def _write(path: Path, content: bytes) -> str:
    """What became of the file."""
    known = path.read_bytes() if path.exists() else None
    if known == content:
        return "as approved"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be written: {error.strerror}") from error
    return "new" if known is None else "changed"


def _say(line: str) -> None:
    sys.stdout.write("".join(character if character.isprintable() else "?" for character in line) + "\n")
