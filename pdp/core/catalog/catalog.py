"""The catalog: every approved tool, from reviewed snapshots and `catalog.yaml`."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import cachetools
import msgspec

from pdp.core.catalog.entries.entry import Entries, ServerEntry
from pdp.core.catalog.entries.facts import Facts
from pdp.core.catalog.tool import Tool, Undeclared
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import Refused
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode

_LONGEST_NAME: Final = 256
_STRAYS: Final = 1024
_UNKNOWN: Final = ServerEntry()
_ANYTHING: Final = {"type": "object"}


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tools: tuple[Tool, ...]
    entries: Entries


class Catalog:
    """Approved tools by `server/tool`, and the entries of `catalog.yaml`, which also speak of tools that are not."""

    def __init__(self, tools: Iterable[Tool], *, entries: Entries | None = None) -> None:
        self.entries: Final = entries or Entries()
        self._tools: Mapping[str, Tool] = {tool.id: tool for tool in sorted(tools, key=lambda tool: tool.id)}
        self._tenants = {name: entry.tenant for name, entry in self.entries.servers.items()}
        self._tenants |= {tool.server: tool.tenant for tool in self._tools.values()}
        self._strays: cachetools.LRUCache[str, Tool] = cachetools.LRUCache(_STRAYS)
        self.unpinned_servers: Final = frozenset(
            name for name, entry in self.entries.servers.items() if entry.unsafe_unpinned
        )
        """The servers of which tools may be called that are not as approved."""

    def find(self, tool_id: str) -> Tool | None:
        """The tool called `server/tool`, None when it is not approved."""
        return self._tools.get(tool_id)

    def resolve(self, tool_id: str, *, offered: str | None) -> Tool:
        """The tool called `server/tool` as it is decided on while its server offers the definition `offered`.

        `offered` is a pin, None where nobody looked. The one place for the rule of `unsafe_unpinned`: only what
        is approved, and is offered as approved, is `pinned`. A tool that is not approved has no declared arguments.

        Raises:
            Refused: `tool_unknown` or `tool_changed`, where the server's tools have to be as approved.

        """
        tool = self._tools.get(tool_id)
        if tool is None:
            return msgspec.structs.replace(self._stray(tool_id), offered=offered)
        if offered == tool.pin:
            return tool
        if offered is not None and tool.server not in self.unpinned_servers:
            raise Refused(ReasonCode.TOOL_CHANGED, f"`{tool_id}` is {offered}, approved is {tool.pin}")
        return msgspec.structs.replace(tool, pinned=False, offered=offered)

    def tools(self) -> Iterable[Tool]:
        """Every approved tool, by id."""
        return self._tools.values()

    def servers(self) -> frozenset[str]:
        """The servers that have at least one tool that may be called."""
        return frozenset(tool.server for tool in self._tools.values()) | self.unpinned_servers

    def tenant_of(self, server: str) -> str | None:
        """The tenant that owns `server`, None when none does."""
        return self._tenants.get(server)

    def server(self, name: str) -> ServerEntry:
        """What is said of a server."""
        return self.entries.servers.get(name, _UNKNOWN)

    @cached_property
    def toolsets(self) -> frozenset[str]:
        """The names of all toolsets."""
        return frozenset(self.entries.toolsets).union(*(tool.toolsets for tool in self._tools.values()))

    @cached_property
    def tags(self) -> frozenset[str]:
        """The names of all tags."""
        return frozenset(self.entries.tags).union(*(tool.tags for tool in self._tools.values()))

    @cached_property
    def facts(self) -> Facts:
        """The entries, ready to be asked for one tool after the other."""
        return Facts(self.entries)

    @cached_property
    def digest(self) -> str:
        """Digest over exactly the bytes of `to_json`."""
        return digest_of(self.to_json())

    def to_json(self) -> bytes:
        """The wire form that `from_json` reads, the same for equal catalogs."""
        return canonical(msgspec.to_builtins(_Wire(tuple(self._tools.values()), self.entries)))

    @staticmethod
    def from_json(raw: bytes) -> "Catalog":
        """The catalog in `raw`.

        Raises:
            msgspec.MsgspecError: it is none.

        """
        wire = msgspec.json.decode(raw, type=_Wire)
        if len({tool.id for tool in wire.tools}) < len(wire.tools):
            raise msgspec.ValidationError("two tools have one id")
        if not all(tool.pinned and tool.offered is None for tool in wire.tools):
            raise msgspec.ValidationError("a tool of a catalog is as it was approved")
        try:
            catalog = Catalog(wire.tools, entries=wire.entries)
            _ = catalog.facts
        except ValueError as error:
            raise msgspec.ValidationError("an entry has a glob that is none") from error
        return catalog

    def _stray(self, tool_id: str) -> Tool:
        """A tool that nobody approved, of a server of which such may be called; nobody rated it either."""
        found = self._strays.get(tool_id)
        if found is not None:
            return found
        server, slash, name = tool_id.partition("/")
        if server not in self.unpinned_servers or not slash or not _is_plain(name):
            raise Refused(ReasonCode.TOOL_UNKNOWN, "the tool is not in the catalog")
        facts = self.facts.of(server, name)
        found = self._strays[tool_id] = Tool(
            server=server,
            name=name,
            pin="",
            input_schema=_ANYTHING,
            trusted=facts.trusted,
            tenant=facts.tenant,
            marks=facts.marks,
            undeclared=Undeclared.ALLOW,
            owners=facts.owners,
            toolsets=facts.toolsets,
            tags=facts.tags,
            scopes=facts.scopes,
            record=facts.record,
            record_arguments=facts.record_arguments,
            pinned=False,
        )
        return found


def _is_plain(name: str) -> bool:
    """INVARIANT: no name that looks like another, or that Cedar cannot be told, is taken for a tool."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable()
