"""The members of definitions, typed as MCP says (revision 2025-11-25, "Server Features").

A member that MCP does not name is let through: revisions and extensions add some.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pdp.core.catalog.definitions.definition import Kind

MAX_NAME: Final = 128
"""Characters of a tool's, prompt's or argument's name (MCP says 1 to 128 for tools)."""
MAX_URI: Final = 2048

Fault: TypeAlias = tuple[str, str]
"""A JSON Pointer and what is wrong there."""
_Check: TypeAlias = Callable[[Any, str], Iterator[Fault]]


def faults(kind: Kind, content: Mapping[str, Any]) -> list[Fault]:
    """Every member of `content` that is missing or not of its type."""
    members, needed = _MEMBERS[kind]
    return list(_object(content, "", members=members, needed=needed))


def _object(value: Any, at: str, *, members: Mapping[str, _Check], needed: frozenset[str]) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield at, "must be an object"
        return
    for name in sorted(needed - value.keys()):
        yield f"{at}/{name}", "is missing"
    for name, check in members.items():
        if name in value:
            yield from check(value[name], f"{at}/{name}")


def _typed(kind: type, words: str) -> _Check:
    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, kind):
            yield at, f"must be {words}"

    return check


def _length(most: int) -> _Check:
    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, str) or not 0 < len(value) <= most:
            yield at, f"must be a text of 1 to {most} characters"

    return check


def _number(value: Any, at: str) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield at, "must be a number"


def _schema(value: Any, at: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield at, "must be an object"
    elif value.get("type", "object") != "object":
        yield f"{at}/type", "must be `object`"


def _part(needed: frozenset[str] = frozenset(), **members: _Check) -> _Check:
    def check(value: Any, at: str) -> Iterator[Fault]:
        yield from _object(value, at, members=members, needed=needed)

    return check


def _list(item: _Check) -> _Check:
    def check(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield at, "must be an array"
            return
        for index, each in enumerate(value):
            yield from item(each, f"{at}/{index}")

    return check


def _arguments(value: Any, at: str) -> Iterator[Fault]:
    yield from _list(_part(frozenset({"name"}), name=_NAME, title=_TEXT, description=_TEXT, required=_FLAG))(value, at)
    names = [each.get("name") for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
    told = [name for name in names if isinstance(name, str)]
    if len(told) != len(set(told)):
        yield at, "must not have two arguments of one name"


_TEXT: Final = _typed(str, "a text")
_FLAG: Final = _typed(bool, "true or false")
_NAME: Final = _length(MAX_NAME)
_URI: Final = _length(MAX_URI)
_ANYTHING: Final = _typed(dict, "an object")
_SHARED: Final[Mapping[str, _Check]] = {
    "title": _TEXT,
    "description": _TEXT,
    "icons": _list(_part(frozenset({"src"}), src=_TEXT, mimeType=_TEXT, sizes=_list(_TEXT), theme=_TEXT)),
    "_meta": _ANYTHING,
}
_HINTS: Final = _part(title=_TEXT, readOnlyHint=_FLAG, destructiveHint=_FLAG, idempotentHint=_FLAG, openWorldHint=_FLAG)
_ABOUT: Final = _part(audience=_list(_TEXT), priority=_number, lastModified=_TEXT)
_MEMBERS: Final[Mapping[Kind, tuple[Mapping[str, _Check], frozenset[str]]]] = {
    Kind.TOOL: (
        {
            **_SHARED,
            "name": _NAME,
            "inputSchema": _schema,
            "outputSchema": _schema,
            "annotations": _HINTS,
            "execution": _part(taskSupport=_TEXT),
        },
        frozenset({"name", "inputSchema"}),
    ),
    Kind.PROMPT: ({**_SHARED, "name": _NAME, "arguments": _arguments}, frozenset({"name"})),
    Kind.RESOURCE: (
        {**_SHARED, "uri": _URI, "name": _TEXT, "mimeType": _TEXT, "size": _number, "annotations": _ABOUT},
        frozenset({"uri", "name"}),
    ),
    Kind.TEMPLATE: (
        {**_SHARED, "uriTemplate": _URI, "name": _TEXT, "mimeType": _TEXT, "annotations": _ABOUT},
        frozenset({"uriTemplate", "name"}),
    ),
}
