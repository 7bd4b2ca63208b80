"""Tools that a command line names, from the snapshots and `catalog.yaml` alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from pdp.cli.sources import Directories
from pdp.core.bundle.content import CATALOG_FILE, SCHEMAS
from pdp.core.catalog.reading import read_usable
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Servers, or tools as `server/tool`; without any, all.", metavar="[SERVER|SERVER/TOOL...]"),
]

_EMPTY: Final = b"version: 1\n"


@dataclass(frozen=True, slots=True)
class ReadTools:
    """The tools that can be used, by id, and the problems of those that are refused, by their file."""

    tools: tuple[Tool, ...]
    refused: Mapping[str, tuple[Problem, ...]]

    def chosen(self, names: Iterable[str]) -> "ReadTools":
        """What is of a server in `names`, or is a tool in it; all without any.

        Raises:
            UnusableError: a name is neither.

        """
        wanted = frozenset(names)
        files = {file: _server(file) for file in self.refused}
        known = {known for tool in self.tools for known in (tool.server, tool.id)} | {*files.values()}
        if wanted - known:
            raise UnusableError(f"`{min(wanted - known)}` is no server and no tool that has a snapshot")
        if not wanted:
            return self
        return ReadTools(
            tuple(tool for tool in self.tools if wanted & {tool.server, tool.id}),
            {file: problems for file, problems in self.refused.items() if files[file] in wanted},
        )


def read_tools(directories: Directories) -> ReadTools:
    """Every tool in `directories`.

    Raises:
        ConfigurationError: something else than snapshots has problems.

    """
    sources = directories.source().fetch()
    snapshots = {path: raw for path, raw in sources.items() if path.startswith(SCHEMAS)}
    catalog, problems = read_usable(sources.get(CATALOG_FILE, _EMPTY), file=CATALOG_FILE, snapshots=snapshots)
    others = [problem for problem in problems if problem.file not in snapshots]
    if others:
        raise ConfigurationError(others)
    files = {problem.file for problem in problems}
    refused = {file: tuple(each for each in problems if each.file == file) for file in files}
    return ReadTools(tuple(catalog.tools()), refused)


def _server(file: str) -> str:
    return file.removeprefix(SCHEMAS).partition("/")[0]
