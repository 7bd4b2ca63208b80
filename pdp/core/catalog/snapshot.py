"""Reviewed snapshots `schemas/<server>/<tool>.json` and `catalog.yaml` to a catalog, or every problem."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.entries import CatalogFile, ServerEntry, ToolEntry
from pdp.core.catalog.tool import Annotations, Tool, pin_of
from pdp.core.contract.errors import ConfigurationError, MessageError, Problem
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.method import METHOD_PREFIXES

SCHEMAS: Final = "schemas"
_PATH: Final = re.compile(r"schemas/(?P<server>[^/]+)/(?P<tool>[^/]+)\.json")
_SERVER: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_LIMITS: Final = JsonLimits(max_bytes=2 * 1024 * 1024, max_depth=128)


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tool as it was approved; `digest` is its pin."""

    name: str
    digest: str
    inputSchema: dict[str, Any]
    title: str | None = None
    description: str | None = None
    outputSchema: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None


def snapshot_path(server: str, tool: str) -> str:
    """Where the snapshot of a tool lives, for any legal tool name."""
    return f"{SCHEMAS}/{server}/{_file_name(tool)}.json"


def _file_name(tool: str) -> str:
    """Percent-encoded; a name of dots alone would be a folder's."""
    name = quote(tool, safe="")
    return name if name.strip(".") else name.replace(".", "%2E")


def snapshot_bytes(definition: Mapping[str, Any]) -> bytes:
    """The snapshot of a definition as `tools/list` answers it, readable in a diff, the same on every run."""
    kept = {name: definition[name] for name in Snapshot.__struct_fields__ if definition.get(name) is not None}
    ordered = msgspec.json.encode({**kept, "digest": pin_of(definition)}, order="deterministic")
    return msgspec.json.format(ordered, indent=2) + b"\n"


def read_catalog(catalog_yaml: bytes, *, file: str, snapshots: Mapping[str, bytes]) -> Catalog:
    """The catalog of `catalog_yaml` (called `file`) and `snapshots` (path to bytes).

    Raises:
        ConfigurationError: with every problem of every file.

    """
    entries = CatalogFile(catalog_yaml, file=file)
    problems = list(entries.problems)
    tools = [
        tool
        for path, raw in sorted(snapshots.items())
        if (tool := _read_snapshot(path, raw, entries, problems)) is not None
    ]
    # A snapshot that cannot be read is a problem already; what its tool is marked with is not another.
    if not problems:
        problems += entries.dangling(tools)
    if problems:
        raise ConfigurationError(problems)
    return Catalog(tools)


def _read_snapshot(path: str, raw: bytes, entries: CatalogFile, problems: list[Problem]) -> Tool | None:
    place = _PATH.fullmatch(path)
    try:
        if place is None:
            raise ValueError("a snapshot is `schemas/<server>/<tool>.json`")
        snapshot = msgspec.convert(parse(raw, limits=_LIMITS), Snapshot)
        server = place["server"]
        if not _SERVER.fullmatch(server) or server in METHOD_PREFIXES:
            raise ValueError(f"`{server}` cannot be the name of a server")
        if path != snapshot_path(server, snapshot.name):
            wanted = snapshot_path(server, snapshot.name)
            raise ValueError(f"the tool is called `{snapshot.name}`, so its file is `{wanted}`")
        pin = pin_of(msgspec.to_builtins(snapshot))
        if snapshot.digest != pin:
            raise ValueError("the definition does not have the digest written beside it")
        return _tool(server, snapshot, entries)
    except (MessageError, msgspec.ValidationError, ValueError) as error:
        text = error.caller_text if isinstance(error, MessageError) else str(error)
        problems.append(Problem(path, 1, 0, "snapshot_invalid", text))
        return None


def _tool(server: str, snapshot: Snapshot, entries: CatalogFile) -> Tool:
    entry = entries.servers.get(server, ServerEntry())
    hints = snapshot.annotations or {}
    known = {name: value for name, value in hints.items() if name in Annotations.__struct_fields__}
    return Tool(
        server=server,
        name=snapshot.name,
        pin=snapshot.digest,
        input_schema=snapshot.inputSchema,
        description=snapshot.description or "",
        annotations=msgspec.convert(known, Annotations),
        trusted=entry.trusted,
        tenant=entry.tenant,
        marks=entry.tools.get(snapshot.name, ToolEntry()).arguments,
    )
