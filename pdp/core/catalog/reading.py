"""Snapshots and `catalog.yaml` to a catalog, or every problem of them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.admission import Allowances, DefinitionRefusedError, admit
from pdp.core.catalog.definitions.definition import Definition, Kind
from pdp.core.catalog.definitions.snapshot import read_snapshot
from pdp.core.catalog.entries.argument_place import shapes_at
from pdp.core.catalog.entries.catalog_file import CatalogFile
from pdp.core.catalog.entries.dangling import Dangling
from pdp.core.catalog.entries.facts import Facts
from pdp.core.catalog.marks import steps_of
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.catalog.tool import Annotations, Tool
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.text.hidden_text import shown
from pdp.core.text.twins import twins

_NO_ARGUMENTS: Final = RecordOf({})


class _ToolContent(msgspec.Struct, frozen=True):
    """The members of a tool's definition that a decision can depend on."""

    name: str
    inputSchema: dict[str, Any]
    description: str = ""
    annotations: Annotations = Annotations()


def read_catalog(catalog_yaml: bytes, *, file: str, snapshots: Mapping[str, bytes]) -> Catalog:
    """The catalog of `catalog_yaml` (called `file`) and `snapshots` (path to bytes).

    Raises:
        ConfigurationError: with every problem of every file.

    """
    catalog, problems = read_usable(catalog_yaml, file=file, snapshots=snapshots)
    if problems:
        raise ConfigurationError(problems)
    return catalog


def read_usable(
    catalog_yaml: bytes, *, file: str, snapshots: Mapping[str, bytes]
) -> tuple[Catalog, tuple[Problem, ...]]:
    """The catalog as far as it can be read, for a look at it, and every problem; what has one is left out."""
    written = CatalogFile(catalog_yaml, file=file)
    facts = Facts(written.entries)
    problems: list[Problem] = []
    tools: dict[str, Tool] = {}
    definitions: dict[str, Definition] = {}
    for path, raw in sorted(snapshots.items()):
        try:
            definition = read_snapshot(path, raw)
            _admit(definition, path=path, allowances=facts.allowances(definition.server))
            definitions[path] = definition
            if definition.kind is Kind.TOOL:
                tools[path] = _tool(definition, path=path, facts=facts)
        except ConfigurationError as error:
            problems += error.problems
    problems += _twins(definitions)
    # A snapshot that cannot be read is a problem already; what its tool is marked with is not another.
    if not problems:
        problems += Dangling(written, list(tools.values())).problems()
    problems += written.problems
    broken = {problem.file for problem in problems}
    usable = [tool for path, tool in tools.items() if path not in broken]
    return Catalog(usable, entries=written.entries), tuple(problems)


def _admit(definition: Definition, *, path: str, allowances: Allowances) -> None:
    try:
        admit(definition, allowances=allowances)
    except DefinitionRefusedError as error:
        problems = [Problem(path, 1, 0, "definition_refused", str(reason)) for reason in error.reasons]
        raise ConfigurationError(problems) from error


def _twins(definitions: Mapping[str, Definition]) -> Iterator[Problem]:
    """Each name of a server that is taken for another; URIs differ in what names do not, so they have none."""
    paths: dict[tuple[str, Kind], dict[str, str]] = {}
    for path, each in definitions.items():
        if each.kind in {Kind.TOOL, Kind.PROMPT}:
            paths.setdefault((each.server, each.kind), {})[each.name] = path
    for (server, kind), named in paths.items():
        for group in twins(named):
            names = " and ".join(f"`{shown(name)}`" for name in group)
            text = f"the {kind}s {names} of `{server}` have names that are taken for one"
            yield from (Problem(named[name], 1, 0, "tool_twin", text) for name in group)


def _tool(definition: Definition, *, path: str, facts: Facts) -> Tool:
    try:
        content = msgspec.convert(definition.content, _ToolContent)
    except msgspec.ValidationError as error:
        raise ConfigurationError([Problem(path, 1, 0, "snapshot_invalid", str(error))]) from error
    said = facts.of(definition.server, content.name)
    placed = said.marks or said.record_arguments
    shape = arguments_shape(content.inputSchema) if placed else _NO_ARGUMENTS
    return Tool(
        server=definition.server,
        name=content.name,
        pin=definition.pin,
        input_schema=content.inputSchema,
        description=content.description,
        annotations=content.annotations,
        trusted=said.trusted,
        tenant=said.tenant,
        marks={key: mark for key, mark in said.marks.items() if shapes_at(shape, steps_of(key))},
        undeclared=said.undeclared,
        risk=said.risk,
        owners=said.owners,
        toolsets=said.toolsets,
        tags=said.tags,
        scopes=said.scopes,
        record=said.record,
        record_arguments={key: one for key, one in said.record_arguments.items() if shapes_at(shape, steps_of(key))},
    )
