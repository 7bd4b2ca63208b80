"""Generated catalogs: servers, tools, and arguments of which the generator knows the type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.entries.entry import Entries
from pdp.core.catalog.entries.facts import Facts
from pdp.core.catalog.tool import Annotations, Mark, Tool
from tests.property.drawing import Draw
from tests.property.generated_entries import STRAYS, as_said, entries

TEXTS: Final = ("main", "", "release/1", "release/2", 'say "hi"', "ünï*", "/srv/x", "/etc")
COUNTS: Final = (0, 1, 2, 5, -1, 100, 2**63 - 1, -(2**63))
AMOUNTS: Final = (0.5, 1.5, 2.25, -3.0, 0.0001)


class Kind(StrEnum):
    """What an argument holds.

    `CHOICE` is one of a few texts, `EITHER` a text or a count, `FREE` nothing that Cedar can hold.
    """

    TEXT = "text"
    COUNT = "count"
    FLAG = "flag"
    CHOICE = "choice"
    AMOUNT = "amount"
    TEXTS = "texts"
    COUNTS = "counts"
    NESTED = "nested"
    EITHER = "either"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Argument:
    """One declared property; `options` are a choice's texts, `parts` what policies see in a nested one or in either."""

    name: str
    kind: Kind
    required: bool
    nullable: bool = False
    options: tuple[str, ...] = ()
    parts: tuple["Argument", ...] = ()
    marked: bool = False

    @property
    def always(self) -> bool:
        """Whether policies may rely on it: null is absence."""
        return self.required and not self.nullable


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool of the catalog with the arguments that its schema was made from."""

    tool: Tool
    arguments: tuple[Argument, ...]


_USUAL: Final = {
    "repo": Kind.TEXT,
    "count": Kind.COUNT,
    "force": Kind.FLAG,
    "mode": Kind.CHOICE,
    "path": Kind.TEXT,
    "options": Kind.NESTED,
    "tags": Kind.TEXTS,
    "amount": Kind.AMOUNT,
    "sizes": Kind.COUNTS,
    "filter": Kind.FREE,
    "target": Kind.EITHER,
    'a"b c': Kind.COUNT,
    "if": Kind.TEXT,
}
_PARTS: Final = {
    "deep": Kind.FLAG,
    "limit": Kind.COUNT,
    "label": Kind.TEXT,
    "more": Kind.NESTED,
    "any": Kind.FREE,
    "über": Kind.TEXT,
}
_BRANCHES: Final = (
    Argument("string", Kind.TEXT, required=False),
    Argument("integer", Kind.COUNT, required=False),
)
"""A union is to policies a record with an optional attribute for each JSON type."""
_PLAIN: Final[Sequence[Kind]] = (Kind.TEXT, Kind.COUNT, Kind.FLAG)
_MOST_ARGUMENTS: Final = 5
_MOST_DEPTH: Final = 2


def definitions(draw: Draw) -> tuple[tuple[Definition, ...], Entries]:
    """The tools of one to three servers, and what is said of them; many share names of arguments."""
    servers = draw.some(("git", "files", "mail-2"), least=1, most=3)
    said = entries(draw, servers=servers)
    facts = Facts(said)
    found = []
    for server in servers:
        like = Tool(server=server, name="", pin="", input_schema={})
        for name in draw.some(("read", "write", 'odd"./tool'), least=1, most=3):
            arguments = _arguments(draw)
            tool = as_said(_tool(draw, name=name, like=like, arguments=arguments), facts)
            found.append(Definition(tool, arguments))
    return tuple(sorted(found, key=lambda each: each.tool.id)), said


def strays(catalog: Catalog) -> tuple[Definition, ...]:
    """Tools that nobody approved and that may be called; what their servers declare is not known."""
    some = (Argument("repo", Kind.TEXT, required=False), Argument("count", Kind.COUNT, required=False))
    names = [f"{server}/{name}" for server in sorted(catalog.unpinned_servers) for name in STRAYS]
    return tuple(Definition(catalog.resolve(name, offered=None), some) for name in names)


def _arguments(draw: Draw) -> tuple[Argument, ...]:
    names = draw.some(tuple(_USUAL), least=1, most=_MOST_ARGUMENTS)
    return tuple(_argument(draw, name=name, usual=_USUAL[name], depth=0) for name in names)


def _argument(draw: Draw, *, name: str, usual: Kind, depth: int) -> Argument:
    kind = draw.choice(_PLAIN) if draw.chance(15) else usual
    if kind is Kind.NESTED and depth == _MOST_DEPTH:
        kind = Kind.TEXT
    parts: tuple[Argument, ...] = _BRANCHES if kind is Kind.EITHER else ()
    if kind is Kind.NESTED:
        inner = draw.some(tuple(_PARTS), least=1, most=3)
        parts = tuple(_argument(draw, name=part, usual=_PARTS[part], depth=depth + 1) for part in inner)
    return Argument(
        name=name,
        kind=kind,
        required=draw.chance(50),
        nullable=kind is not Kind.FREE and draw.chance(15),
        options=tuple(draw.some(TEXTS, least=2, most=4)) if kind is Kind.CHOICE else (),
        parts=parts,
        marked=depth == 0 and kind is Kind.TEXT and draw.chance(60),
    )


def _tool(draw: Draw, *, name: str, like: Tool, arguments: Sequence[Argument]) -> Tool:
    return msgspec.structs.replace(
        like,
        name=name,
        pin=f"sha256:{like.server}-{name}",
        input_schema=record_schema(arguments),
        annotations=Annotations(
            readOnlyHint=draw.chance(50),
            destructiveHint=draw.chance(50),
            idempotentHint=draw.chance(50),
            openWorldHint=draw.chance(50),
        ),
        marks={argument.name: Mark.PATH for argument in arguments if argument.marked},
    )


Schema: TypeAlias = dict[str, Any]


def record_schema(arguments: Sequence[Argument]) -> Schema:
    """The JSON Schema of an object with `arguments`."""
    return {
        "type": "object",
        "properties": {argument.name: _schema(argument) for argument in arguments},
        "required": [argument.name for argument in arguments if argument.required],
        "additionalProperties": False,
    }


def _schema(argument: Argument) -> Schema:
    schema = _plain_schema(argument)
    if argument.nullable:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def _plain_schema(argument: Argument) -> Schema:
    match argument.kind:
        case Kind.CHOICE:
            return {"enum": list(argument.options)}
        case Kind.TEXTS:
            return {"type": "array", "items": {"type": "string"}}
        case Kind.COUNTS:
            return {"type": "array", "items": {"type": "integer"}}
        case Kind.NESTED:
            return record_schema(argument.parts)
        case plain:
            return {"type": _JSON_TYPES[plain]}


_JSON_TYPES: Final[Mapping[Kind, str | list[str]]] = {
    Kind.TEXT: "string",
    Kind.COUNT: "integer",
    Kind.FLAG: "boolean",
    Kind.AMOUNT: "number",
    Kind.EITHER: ["string", "integer"],
    Kind.FREE: "object",
}
