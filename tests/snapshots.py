"""Snapshots of tools as tests write them."""

from collections.abc import Mapping
from typing import Any

from pdp.core.catalog.definitions.definition import Kind, definition_of
from pdp.core.catalog.definitions.snapshot import snapshot_bytes, snapshot_path


def tool_path(server: str, name: str) -> str:
    """Where the snapshot of a tool lives."""
    return snapshot_path(Kind.TOOL, server=server, name=name)


def tool_snapshot(content: Mapping[str, Any]) -> bytes:
    """The snapshot of a tool; which server it is of, does not show in it."""
    return snapshot_bytes(definition_of(Kind.TOOL, server="any", content=content))
