"""Definitions that nobody may approve, and the reasons they are refused with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.catalog.definitions.definition import Kind

OK: Final[Mapping[Kind, Mapping[str, Any]]] = {
    Kind.TOOL: {"name": "read", "inputSchema": {"type": "object"}},
    Kind.PROMPT: {"name": "greet"},
    Kind.RESOURCE: {"uri": "file:///a", "name": "a"},
    Kind.TEMPLATE: {"uriTemplate": "file:///{path}", "name": "files"},
}
"""The least that a definition of each kind has."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A definition of `kind`, the least one with `members` instead; `reasons` as code, place and part of the text."""

    title: str
    kind: Kind
    members: Mapping[str, Any]
    reasons: tuple[tuple[str, str, str], ...]

    @property
    def content(self) -> dict[str, Any]:
        """All of it."""
        return {**OK[self.kind], **self.members}


def _tool(title: str, members: Mapping[str, Any], *reasons: tuple[str, str, str]) -> Hostile:
    return Hostile(title, Kind.TOOL, members, reasons)


def _schema(title: str, schema: Any, *reasons: tuple[str, str, str]) -> Hostile:
    return _tool(title, {"inputSchema": schema}, *reasons)


def _bad(where: str, text: str) -> tuple[str, str, str]:
    return "malformed", where, text


def _unseen(where: str, text: str) -> tuple[str, str, str]:
    return "hidden_text", where, text


def _unusable(text: str = "") -> tuple[str, str, str]:
    return "schema_unusable", "/inputSchema", text


def nested(levels: int) -> dict[str, Any]:
    """A schema of objects within objects."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels // 2):
        schema = {"properties": {"a": schema}}
    return schema


def properties(count: int) -> dict[str, Any]:
    """A schema with so many properties."""
    return {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(count)}}


HOSTILE: Final = (
    # members that are not as MCP says
    _tool("a name of nothing", {"name": ""}, _bad("/name", "1 to 128")),
    _tool("a name that is too long", {"name": "a" * 129}, _bad("/name", "1 to 128")),
    _tool("a name with a line's end", {"name": "a\nb"}, _unseen("/name", "U+000A control")),
    _tool("a description that is no text", {"description": ["x"]}, _bad("/description", "a text")),
    _tool("a title that is no text", {"title": 1}, _bad("/title", "a text")),
    _tool("arguments that are no object", {"inputSchema": {"type": "array"}}, _bad("/inputSchema/type", "object")),
    _tool("no schema at all", {"inputSchema": True}, _bad("/inputSchema", "an object")),
    _tool("results that are no object", {"outputSchema": []}, _bad("/outputSchema", "an object")),
    _tool("annotations that are a list", {"annotations": []}, _bad("/annotations", "an object")),
    _tool(
        "hints that are text or null",
        {"annotations": {"readOnlyHint": "yes", "destructiveHint": None, "idempotentHint": 0, "title": False}},
        _bad("/annotations/destructiveHint", "true or false"),
        _bad("/annotations/idempotentHint", "true or false"),
        _bad("/annotations/readOnlyHint", "true or false"),
        _bad("/annotations/title", "a text"),
    ),
    _tool(
        "icons without a source",
        {"icons": [{}, 1]},
        _bad("/icons/0/src", "missing"),
        _bad("/icons/1", "an object"),
    ),
    _tool("an execution that is a text", {"execution": "sync"}, _bad("/execution", "an object")),
    _tool("a `_meta` that is a text", {"_meta": "x"}, _bad("/_meta", "an object")),
    _tool("the digest of a snapshot", {"digest": "sha256:0"}, ("reserved", "/digest", "digest")),
    Hostile("arguments by name", Kind.PROMPT, {"arguments": {"a": {}}}, (_bad("/arguments", "an array"),)),
    Hostile(
        "arguments without a name, of a wrong type",
        Kind.PROMPT,
        {"arguments": [{"description": "x"}, {"name": "a", "required": "yes"}, 3]},
        (
            _bad("/arguments/0/name", "missing"),
            _bad("/arguments/1/required", "true or false"),
            _bad("/arguments/2", "an object"),
        ),
    ),
    Hostile(
        "two arguments of one name",
        Kind.PROMPT,
        {"arguments": [{"name": "a"}, {"name": "a"}]},
        (_bad("/arguments", "two arguments"),),
    ),
    Hostile("a URI that is too long", Kind.RESOURCE, {"uri": "a" * 2049}, (_bad("/uri", "1 to 2048"),)),
    Hostile("a resource without a name", Kind.RESOURCE, {"name": None}, (_bad("/name", "missing"),)),
    Hostile(
        "a size and a priority that are no numbers",
        Kind.RESOURCE,
        {"size": True, "annotations": {"priority": "1", "audience": "user"}},
        (
            _bad("/annotations/audience", "an array"),
            _bad("/annotations/priority", "a number"),
            _bad("/size", "a number"),
        ),
    ),
    Hostile("a template's type that is no text", Kind.TEMPLATE, {"mimeType": 1}, (_bad("/mimeType", "a text"),)),
    # more than anybody reads
    _tool(
        "a description of a megabyte",
        {"description": "a" * 2**20},
        ("too_large", "", "bytes"),
        ("too_large", "", "characters"),
    ),
    _tool("a long text", {"description": "a" * (64 * 1024 + 1)}, ("too_large", "", "65537 characters")),
    _tool("a long member's name", {"_meta": {"a" * (64 * 1024 + 1): 1}}, ("too_large", "", "65537 characters")),
    _tool("many short texts", {"_meta": {str(n): "a" * 1000 for n in range(300)}}, ("too_large", "", "bytes")),
    _schema(
        "100,000 properties",
        properties(100_000),
        ("too_large", "", "100000 properties"),
        ("too_large", "", "bytes"),
    ),
    _schema("2,001 properties", properties(2001), ("too_large", "", "2001 properties")),
    _schema("deep nesting", nested(66), ("too_deep", "", "levels deep")),
    _tool("deep nesting that no schema is", {"_meta": nested(120)}, ("too_deep", "", "levels deep")),
    # texts with what nobody sees
    _tool(
        "tags, directions, nothing wide and terminal escapes",
        {"description": "reads\U000e0069\u202e\u200b\x1b[8m"},
        _unseen("/description", "U+E0069 TAG LATIN SMALL LETTER I, U+202E RIGHT-TO-LEFT OVERRIDE, "),
    ),
    _tool("a name with nothing wide", {"name": "re\u200bad"}, _unseen("/name", "U+200B ZERO WIDTH SPACE")),
    _schema(
        "hidden text in a nested description and in a name",
        {"properties": {"a\u2063": {"properties": {"b": {"description": "\u2066"}}}}},
        _unseen("/inputSchema/properties/a\u2063", "U+2063 INVISIBLE SEPARATOR"),
        _unseen("/inputSchema/properties/a\u2063/properties/b/description", "U+2066"),
    ),
    _tool("hidden text in a title", {"annotations": {"title": "\ufeff"}}, _unseen("/annotations/title", "U+FEFF")),
    _tool("hidden text in `_meta`", {"_meta": {"a": ["\U000e0041"]}}, _unseen("/_meta/a/0", "U+E0041")),
    # schemas that arguments cannot be checked with
    _schema(
        "a remote reference",
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}},
        _unusable("document"),
    ),
    _schema("a file's reference", {"$ref": "file:///etc/passwd"}, _unusable("document")),
    _schema("a reference to nowhere", {"properties": {"a": {"$ref": "#/$defs/a"}}}, _unusable()),
    _schema(
        "a draft that nobody knows",
        {"$schema": "https://example.com/mine"},
        _unusable("$schema"),
    ),
    _schema("a schema that is none", {"properties": {"a": {"type": "strng"}}}, _unusable()),
    _schema("properties that are a list", {"properties": []}, _unusable()),
    _schema("a pattern that is none", {"properties": {"a": {"pattern": "("}}}, _unusable()),
    _schema(
        "a pattern that is huge when compiled",
        {"properties": {"a": {"type": "string", "pattern": "((a{1000}){1000}){1000}"}}},
        _unusable(),
    ),
    _tool(
        "a result with a remote reference",
        {"outputSchema": {"$ref": "https://example.com/x"}},
        ("schema_unusable", "/outputSchema", "document"),
    ),
    # several at once
    _tool(
        "every sort at once",
        {"digest": 1, "title": 2, "description": "\u200b"},
        _unseen("/description", "U+200B"),
        _bad("/title", "a text"),
        ("reserved", "/digest", "digest"),
    ),
    _tool(
        "two schemas and a text",
        {
            "inputSchema": {"$ref": "#/$defs/a"},
            "outputSchema": {"properties": 1},
            "description": "\u202e",
        },
        _unseen("/description", "U+202E"),
        _unusable(),
        ("schema_unusable", "/outputSchema", ""),
    ),
)
