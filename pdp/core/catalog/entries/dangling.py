"""Entries of `catalog.yaml` that say nothing of any tool, or say two things of one: what they mean would not happen.

A server with `unsafe_unpinned` has tools that nobody knows yet, so what matches none of its approved ones may be meant.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pdp.core.catalog.entries.argument_place import holds_text, shapes_at
from pdp.core.catalog.entries.catalog_file import CatalogFile
from pdp.core.catalog.entries.entry import Selection, ServerEntry
from pdp.core.catalog.entries.facts import ServerRules
from pdp.core.catalog.entries.glob import ToolGlob, read_glob, read_tool_glob
from pdp.core.catalog.marks import steps_of
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.errors import Problem
from pdp.core.document.tree import SettingPath

_KINDS: Final = {"toolsets": "toolset", "tags": "tag"}


class Dangling:
    """Holds the entries of one file against the approved tools."""

    def __init__(self, file: CatalogFile, tools: Iterable[Tool]) -> None:
        self._file = file
        self._entries = file.entries
        self._of_server: dict[str, dict[str, Tool]] = defaultdict(dict)
        for tool in tools:
            self._of_server[tool.server][tool.name] = tool
        self._unpinned = [name for name, entry in self._entries.servers.items() if entry.unsafe_unpinned]

    def problems(self) -> Iterator[Problem]:
        """Each such entry, with its place."""
        for name, entry in self._entries.servers.items():
            if name not in self._of_server and not entry.unsafe_unpinned:
                message = f"server `{name}` has no snapshot in `schemas/`"
                yield self._file.problem(("servers", name), "server_unknown", message)
            else:
                yield from self._of_entry(name, entry)
        for kind, selections in (("toolsets", self._entries.toolsets), ("tags", self._entries.tags)):
            for name, selection in selections.items():
                yield from self._of_selection(kind, name, selection)

    def _of_entry(self, server: str, entry: ServerEntry) -> Iterator[Problem]:
        tools = self._of_server.get(server, {})
        at: SettingPath = ("servers", server, "tools")
        for key, one in entry.tools.items():
            glob = read_glob(key)
            if glob.literal is None:
                matched = [tool for name, tool in tools.items() if glob.matches(name)]
            else:
                matched = [tools[glob.literal]] if glob.literal in tools else []
            if matched:
                for argument, mark in one.arguments.items():
                    yield from self._of_mark((*at, key, "arguments", argument), argument, mark, matched)
                for argument in one.record_arguments:
                    yield from self._of_mark((*at, key, "record_arguments", argument), argument, None, matched)
            elif not entry.unsafe_unpinned:
                yield self._unmatched((*at, key), f"{server}/{key}", glob.literal)
        rules = ServerRules(entry)
        for name in tools:
            for dispute in rules.disputes(name):
                message = f"`{dispute.first}` and `{dispute.second}` say different things of `{server}/{name}`"
                place = (*at, dispute.second, *dispute.member)
                yield self._file.problem(place, "entries_contradict", f"{message}: `{'.'.join(dispute.member)}`")

    def _unmatched(self, at: SettingPath, name: str, literal: str | None) -> Problem:
        if literal is not None:
            return self._file.problem(at, "tool_unknown", f"`{name}` has no snapshot in `schemas/`")
        return self._file.problem(at, "glob_matches_nothing", f"no tool in `schemas/` is called as in `{name}`")

    def _of_mark(self, at: SettingPath, argument: str, mark: Mark | None, tools: list[Tool]) -> Iterator[Problem]:
        """A mark by a glob is for those of its tools that have such an argument; None goes with whatever is there."""
        steps = steps_of(argument)
        declared = False
        for tool in tools:  # as far as one that has it: a shape costs more than all else here
            shapes = shapes_at(arguments_shape(tool.input_schema), steps)
            if shapes and (mark in {None, Mark.SECRET} or any(map(holds_text, shapes))):
                return
            declared = declared or bool(shapes)
        whose = f"`{tools[0].id}`" if len(tools) == 1 else f"any of {len(tools)} tools"
        if not declared:
            message = f"`{argument}` is no declared argument of {whose}"
            yield self._file.problem(at, "argument_unknown", message)
        else:
            message = f"`{argument}` of {whose} is marked `{mark}` and is no text and no list of texts"
            yield self._file.problem(at, "mark_unfit", message)

    def _of_selection(self, kind: str, name: str, selection: Selection) -> Iterator[Problem]:
        at: SettingPath = (kind, name)
        chosen: set[str] = set()
        complete = True
        for index, text in enumerate(selection.tools):
            glob = read_tool_glob(text)
            matched = set(self._matched(glob))
            chosen |= matched
            if not matched and not self._is_open(glob):
                complete = False
                yield self._file.problem(
                    self._glob_at(at, "tools", index), "glob_matches_nothing", f"no tool is called as in `{text}`"
                )
        left = set(chosen)
        for index, text in enumerate(selection.excluded):
            glob = read_tool_glob(text)
            matched = set(self._matched(glob))
            left -= matched
            if not matched & chosen and not self._is_open(glob):
                message = f"`{text}` excepts no tool of {_KINDS[kind]} `{name}`"
                yield self._file.problem((*at, "except", index), "glob_matches_nothing", message)
        if not left and complete and not any(self._is_open(read_tool_glob(text)) for text in selection.tools):
            yield self._file.problem(at, f"{_KINDS[kind]}_empty", f"{_KINDS[kind]} `{name}` has no tool")

    def _glob_at(self, at: SettingPath, member: str, index: int) -> SettingPath:
        """A plain list of globs stands under the name itself."""
        return self._file.nearest((*at, member, index), (*at, index))

    def _matched(self, glob: ToolGlob) -> Iterator[str]:
        names = self._of_server if glob.server.literal is None else [glob.server.literal]
        for server in names:
            if glob.server.matches(server):
                yield from (tool.id for name, tool in self._tools_of(server).items() if glob.tool.matches(name))

    def _tools_of(self, server: str) -> Mapping[str, Tool]:
        return self._of_server.get(server, {})

    def _is_open(self, glob: ToolGlob) -> bool:
        """Whether tools that nobody knows yet may be matched."""
        return any(glob.server.matches(server) for server in self._unpinned)
