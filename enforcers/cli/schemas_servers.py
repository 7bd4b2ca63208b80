"""The configured servers, asked what they offer and held against their snapshots."""

import asyncio
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from enforcers.cli.schemas_folder import SnapshotFolder
from enforcers.cli.schemas_reading import Reading, read_servers
from enforcers.cli.schemas_review import Finding, review
from enforcers.gateway.app import configured_connectors, upstream_limits
from pdp.core.catalog.definitions.admission import Allowances
from pdp.core.catalog.entries.catalog_file import CatalogFile
from pdp.core.catalog.entries.entry import Entries, ServerEntry
from pdp.core.contract.errors import ConfigurationError, UnusableError, UpstreamError
from pdp.core.settings.load import read_settings
from pdp.hosting.event_log import configure_event_log

_CATALOG_FILE: Final = "catalog.yaml"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One server: a finding for each definition, or why there are none."""

    server: str
    findings: Sequence[Finding] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """Every server that was asked, and the folder of their snapshots."""

    folder: SnapshotFolder
    servers: Sequence[Reviewed]

    @property
    def failed(self) -> bool:
        """Whether a server did not answer."""
        return any(reviewed.failure is not None for reviewed in self.servers)


def review_servers(names: Collection[str], *, config: Path) -> Review:
    """What the servers called `names`, or all without any, offer and have approved.

    Raises:
        ConfigurationError: with every problem of the configuration.
        UnusableError: one of them is not configured, or the snapshots cannot be read.

    """
    environment = dict(os.environ)  # noqa: TID251 - the edge
    settings = read_settings(config, environ=environment).settings
    configure_event_log(sys.stderr)
    connectors = configured_connectors(settings, base=config.parent, environment=environment)
    if not connectors:
        raise UnusableError(f"there are no `mcpServers` in `{config}`")
    unknown = sorted(set(names) - set(connectors))
    if unknown:
        raise UnusableError(f"`{unknown[0]}` is not among `mcpServers` of `{config}`")
    chosen = {name: way for name, way in connectors.items() if not names or name in names}
    folder = SnapshotFolder(config.parent / settings.pdp.schemas)
    limits = upstream_limits(settings.gateway)
    entries = _entries(config.parent / settings.pdp.policies / _CATALOG_FILE)
    readings = asyncio.run(read_servers(chosen, limits=limits, waiting=_waiting))
    return Review(folder, [_reviewed(reading, folder, entries) for reading in readings])


def _entries(file: Path) -> Entries:
    """What the catalog says of the servers; nothing where there is no such file yet."""
    try:
        written = CatalogFile(file.read_bytes(), file=str(file))
    except FileNotFoundError:
        return Entries()
    except OSError as error:
        raise UnusableError(f"`{file}` cannot be read: {error.strerror}") from error
    if written.problems:
        raise ConfigurationError(written.problems)
    return written.entries


def _reviewed(reading: Reading, folder: SnapshotFolder, entries: Entries) -> Reviewed:
    server = reading.server
    if isinstance(reading.answer, UpstreamError):
        return Reviewed(server, failure=reading.answer.detail)
    allowances = Allowances(unsafe_hidden_text=entries.servers.get(server, ServerEntry()).unsafe_hidden_text)
    if allowances.unsafe_hidden_text:
        structlog.get_logger("toolgate.schemas").warning("unsafe_hidden_text", server=server)
    found = review(server, snapshots=folder.read(server), inventory=reading.answer, allowances=allowances)
    return Reviewed(server, found)


def _waiting(servers: Sequence[str]) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"waiting for {', '.join(servers)}\n")
