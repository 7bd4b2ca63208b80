"""Toolsets and tags: names for the tools that globs select."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.catalog.entries.entry import Selection
from pdp.core.catalog.entries.glob import ToolGlob, read_tool_glob


@dataclass(frozen=True, slots=True)
class _Member:
    """One glob of a selection, and the globs of what is left out of it."""

    name: str
    glob: ToolGlob
    excluded: tuple[ToolGlob, ...]


class Groups:
    """Selections by name, read so that the ones with a tool are found without trying those of other servers."""

    def __init__(self, selections: Mapping[str, Selection]) -> None:
        self.names: Final = frozenset(selections)
        self._of_server: dict[str, list[_Member]] = {}
        self._of_some: list[_Member] = []
        for name, selection in sorted(selections.items()):
            excluded = tuple(read_tool_glob(text) for text in selection.excluded)
            for text in selection.tools:
                member = _Member(name, read_tool_glob(text), excluded)
                server = member.glob.server.literal
                self._of_some.append(member) if server is None else self._of_server.setdefault(server, []).append(
                    member
                )

    def having(self, server: str, tool: str) -> tuple[str, ...]:
        """The names of the selections that have the tool, sorted."""
        return tuple(
            sorted(
                {
                    member.name
                    for member in self._around(server)
                    if member.glob.matches(server, tool)
                    and not any(glob.matches(server, tool) for glob in member.excluded)
                }
            )
        )

    def reaching(self, server: str) -> frozenset[str]:
        """The names of the selections that can have a tool of `server`, whatever it is called."""
        return frozenset(member.name for member in self._around(server) if member.glob.server.matches(server))

    def _around(self, server: str) -> Iterable[_Member]:
        return (*self._of_server.get(server, ()), *self._of_some)
