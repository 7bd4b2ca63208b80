"""What a policy's scope lets its conditions see: arguments with their types and what must be asked first."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.property.generated_catalog import Argument, Definition, Kind

ARGUMENTS: Final = "context.arguments"


@dataclass(frozen=True, slots=True)
class Place:
    """An argument as Cedar text names it; `guards` are what must hold before it is read."""

    text: str
    presence: str
    argument: Argument
    guards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The places of the arguments, and the conditions under which `resource` surely is a tool."""

    places: tuple[Place, ...]
    tools: tuple[Definition, ...]
    resource: tuple[str, ...] = ()


def view(tools: Sequence[Definition], *, bare: Sequence[str] = ()) -> View:
    """The view of a policy for calls of `tools` and for the methods `bare`, which have no arguments."""
    records = [*(tool.arguments for tool in tools), *((),) * len(bare)]
    root: tuple[str, ...] = ("context has arguments",) if "tools/list" in bare else ()
    guards: tuple[str, ...] = ("resource is Mcp::Tool",) if "tools/list" in bare else ()
    return View(tuple(_places(merged(records), base=ARGUMENTS, guards=root)), tuple(tools), guards)


def literal(text: str) -> str:
    """`text` as a Cedar string."""
    return json.dumps(text, ensure_ascii=False)


def entity(kind: str, identifier: str) -> str:
    """A reference to an entity of ours."""
    return f"Mcp::{kind}::{literal(identifier)}"


def merged(records: Sequence[Sequence[Argument]]) -> Iterator[Argument]:
    """The arguments that all records which have them type alike; required where every record has them always."""
    names = sorted({argument.name for record in records for argument in record})
    for name in names:
        same = [argument for record in records for argument in record if argument.name == name]
        kinds = {_cedar_kind(argument) for argument in same}
        if len(kinds) == 1:
            yield replace(
                same[0],
                required=len(same) == len(records) and all(argument.always for argument in same),
                nullable=False,
                marked=all(argument.marked for argument in same),
                parts=tuple(merged([argument.parts for argument in same])),
            )


def _cedar_kind(argument: Argument) -> Kind:
    return Kind.TEXT if argument.kind is Kind.CHOICE else argument.kind


def _places(arguments: Iterable[Argument], *, base: str, guards: tuple[str, ...]) -> Iterator[Place]:
    for argument in arguments:
        plain = argument.name.isidentifier() and argument.name.isascii() and argument.name != "if"
        named = argument.name if plain else literal(argument.name)
        presence = f"{base} has {named}"
        text = f"{base}.{named}" if plain else f"{base}[{named}]"
        inner = guards if argument.required else (*guards, presence)
        yield Place(text, presence, argument, inner)
        yield from _places(argument.parts, base=text, guards=inner)
