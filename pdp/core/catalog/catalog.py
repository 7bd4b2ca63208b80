"""The catalog: every approved tool, from reviewed snapshots and `catalog.yaml`."""

from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

from pdp.core.catalog.tool import Tool
from pdp.core.contract.digest import digest


class Catalog:
    """Approved tools by `server/tool`."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools: Mapping[str, Tool] = {tool.id: tool for tool in sorted(tools, key=lambda tool: tool.id)}
        self._owners = {tool.server: tool.tenant for tool in self._tools.values()}

    def find(self, tool_id: str) -> Tool | None:
        """The tool called `server/tool`, None when it is not approved."""
        return self._tools.get(tool_id)

    def tools(self) -> Iterable[Tool]:
        """Every tool, by id."""
        return self._tools.values()

    def servers(self) -> frozenset[str]:
        """The servers that have at least one approved tool."""
        return frozenset(tool.server for tool in self._tools.values())

    def tenant_of(self, server: str) -> str | None:
        """The tenant that owns `server`, None when none does."""
        return self._owners.get(server)

    @cached_property
    def digest(self) -> str:
        """Digest over every tool with its marks."""
        return digest(msgspec.to_builtins(list(self._tools.values())))

    def to_json(self) -> bytes:
        """The wire form that `from_json` reads."""
        return msgspec.json.encode(list(self._tools.values()))

    @staticmethod
    def from_json(raw: bytes) -> "Catalog":
        """The catalog in `raw`.

        Raises:
            msgspec.MsgspecError: it is none.

        """
        return Catalog(msgspec.json.decode(raw, type=list[Tool]))
