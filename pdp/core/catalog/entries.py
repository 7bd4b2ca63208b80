"""`catalog.yaml`: what is known of servers and tools besides their snapshots, or every problem with its place."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from pdp.core.catalog.json_schema import arguments_shape
from pdp.core.catalog.shape import Bounded, Enumerated, Opaque, Primitive, RecordOf, SetOf, Shape, UnionOf, kind_of
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.reading import read_document
from pdp.core.document.tree import Document, Position, SettingPath

T = TypeVar("T")


class ToolEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `catalog.yaml` says of one tool."""

    arguments: dict[str, Mark] = {}


class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `catalog.yaml` says of one server; annotations count only where it is `trusted`."""

    trusted: bool = False
    tenant: Annotated[str, Meta(min_length=1)] | None = None
    tools: dict[str, ToolEntry] = {}


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    servers: dict[str, Any] = {}


def _holds_text(shape: Shape) -> bool:
    """Whether a value of `shape` can be a text or a list of texts; what may be anything can."""
    match shape:
        case Primitive() | Enumerated() | Bounded():
            return kind_of(shape) is Primitive.STRING
        case SetOf(element=element):
            return _holds_text(element)
        case UnionOf(branches=branches):
            return any(_holds_text(branch) for branch in branches.values())
        case RecordOf():
            return False
        case Opaque():
            return True


class CatalogFile:
    """The entries of one `catalog.yaml`; `problems` holds what was wrong with it."""

    def __init__(self, raw: bytes, *, file: str) -> None:
        self._file = file
        self._document = Document(tree=None)
        self.problems: list[Problem] = []
        self.servers: Mapping[str, ServerEntry] = {}
        try:
            self._document = read_document(raw, file=file)
        except ConfigurationError as error:
            self.problems += error.problems
            return
        head = self._take(self._document.tree, _Head, ())
        if head is not None:
            self.servers = {name: self._server(part, ("servers", name)) for name, part in head.servers.items()}

    def dangling(self, tools: Iterable[Tool]) -> list[Problem]:
        """Entries for what has no snapshot, marks for what is no argument or no text: they would mark nothing."""
        by_id = {tool.id: tool for tool in tools}
        known = {tool.server for tool in by_id.values()}
        found = []
        for server, entry in self.servers.items():
            at: SettingPath = ("servers", server)
            if server not in known:
                found.append(self._problem(at, "server_unknown", f"server `{server}` has no snapshot in `schemas/`"))
                continue
            for name, marked in entry.tools.items():
                found += self._unmarked((*at, "tools", name), f"{server}/{name}", marked, by_id)
        return found

    def _unmarked(
        self, at: SettingPath, tool_id: str, marked: ToolEntry, tools: Mapping[str, Tool]
    ) -> Iterable[Problem]:
        tool = tools.get(tool_id)
        if tool is None:
            yield self._problem(at, "tool_unknown", f"`{tool_id}` has no snapshot in `schemas/`")
            return
        declared = arguments_shape(tool.input_schema).fields
        for argument, mark in marked.arguments.items():
            place = (*at, "arguments", argument)
            if argument not in declared:
                yield self._problem(place, "argument_unknown", f"`{tool_id}` declares no argument `{argument}`")
            elif mark is not Mark.SECRET and not _holds_text(declared[argument].shape):
                text = f"`{argument}` of `{tool_id}` is marked `{mark}` and is no text and no list of texts"
                yield self._problem(place, "mark_unfit", text)

    def _server(self, part: Any, at: SettingPath) -> ServerEntry:
        """The entry of one server; each of its tools is read by itself, so that each problem has its own place."""
        tools = part.get("tools", {}) if isinstance(part, dict) else {}
        listed = self._take(tools, dict[str, Any], (*at, "tools")) or {}
        entry = self._take({**part, "tools": {}} if isinstance(part, dict) else part, ServerEntry, at)
        read = {name: self._tool(each, (*at, "tools", name)) for name, each in listed.items()}
        return ServerEntry() if entry is None else msgspec.structs.replace(entry, tools=read)

    def _tool(self, part: Any, at: SettingPath) -> ToolEntry:
        return self._take(part, ToolEntry, at) or ToolEntry()

    def _take(self, value: Any, kind: type[T], at: SettingPath) -> T | None:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            where = ".".join(str(step) for step in at)
            self.problems.append(self._problem(at, "catalog_invalid", f"`{where}` is not as it must be: {error}"))
            return None

    def _problem(self, at: SettingPath, code: str, message: str) -> Problem:
        place = self._document.keys.get(at, Position(1, 0))
        return Problem(self._file, place.line, place.column, code, message)
