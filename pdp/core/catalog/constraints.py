"""Constraints: what a JSON Schema demands of a value beyond its type, and whether its check enforces that."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final
from urllib.parse import unquote

_EVERY: Final = (
    "additionalProperties", "dependencies", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength",
    "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "pattern",
    "patternProperties", "uniqueItems",
)  # fmt: skip
_ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"}
)
_UNCHECKED: Final = ("contentSchema", "format")
_CHOICES: Final = ("anyOf", "oneOf")


class Draft(IntEnum):
    """The versions of JSON Schema, by their year or number."""

    DRAFT_4 = 4
    DRAFT_6 = 6
    DRAFT_7 = 7
    DRAFT_2019_09 = 2019
    DRAFT_2020_12 = 2020


@dataclass(frozen=True, slots=True)
class _Span:
    first: Draft = Draft.DRAFT_4
    last: Draft = Draft.DRAFT_2020_12


CHECKED: Final[Mapping[str, _Span]] = {
    **dict.fromkeys(_EVERY, _Span()),
    **dict.fromkeys(("const", "contains", "propertyNames"), _Span(Draft.DRAFT_6)),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _Span(Draft.DRAFT_6, Draft.DRAFT_7)),
    "if": _Span(Draft.DRAFT_7),
    "additionalItems": _Span(last=Draft.DRAFT_2019_09),
    **dict.fromkeys(
        ("dependentRequired", "dependentSchemas", "maxContains", "minContains", "unevaluatedItems"),
        _Span(Draft.DRAFT_2019_09),
    ),
    "unevaluatedProperties": _Span(Draft.DRAFT_2019_09),
    "prefixItems": _Span(Draft.DRAFT_2020_12),
}
"""The versions under which the check of arguments enforces each keyword; elsewhere it is passed over."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Keywords at one place, sorted: those that the check of arguments enforces, and those that nothing does."""

    enforced: tuple[str, ...]
    unenforced: tuple[str, ...]


class SchemaPlaces:
    """A schema, to be followed to the places of its values; a place is all schemas that apply there."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._draft = _draft(root.get("$schema"))

    def top(self) -> Sequence[Mapping[str, Any]]:
        """What applies to the whole value."""
        return self._applying([self._root])

    def member(self, place: Iterable[Mapping[str, Any]], name: str) -> Sequence[Mapping[str, Any]]:
        """What applies to the member `name` of the objects at `place`."""
        return self._applying(_part(_part(schema, "properties"), name) for schema in place)

    def items(self, place: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """What applies to items of the arrays at `place`, to any of them or to some."""
        found = [schema.get(keyword) for schema in place for keyword in ("items", "prefixItems", "additionalItems")]
        return self._applying(part for each in found for part in (each if isinstance(each, list) else [each]))

    def constraints(self, place: Iterable[Mapping[str, Any]]) -> Constraints:
        """What is demanded at `place`."""
        written = {keyword for schema in place for keyword, value in schema.items() if _demands(schema, keyword, value)}
        known = {keyword for keyword in written & CHECKED.keys() if _covers(CHECKED[keyword], self._draft)}
        enforced = known | (written & {*_CHOICES})
        return Constraints(tuple(sorted(enforced)), tuple(sorted(written - enforced)))

    def _applying(self, schemas: Iterable[Any]) -> Sequence[Mapping[str, Any]]:
        """INVARIANT: each schema comes once, so references in a circle end."""
        found: dict[int, Mapping[str, Any]] = {}
        waiting = list(schemas)
        while waiting:
            schema = waiting.pop()
            if isinstance(schema, Mapping) and id(schema) not in found:
                effective = self._effective(schema)
                found[id(schema)] = effective
                waiting += self._included(effective)
        return tuple(found.values())

    def _effective(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Up to draft 7 nothing beside a reference counts."""
        return {"$ref": schema["$ref"]} if "$ref" in schema and self._draft <= Draft.DRAFT_7 else schema

    def _included(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        if isinstance(schema.get("$ref"), str):
            yield _local(self._root, schema["$ref"])
        for keyword in ("allOf", *_CHOICES):
            parts = schema.get(keyword)
            yield from parts if isinstance(parts, list) else ()


def _draft(written: object) -> Draft:
    """The version that `$schema` names; the newest where there is none, as MCP says."""
    names = {"draft-04": Draft.DRAFT_4, "draft-06": Draft.DRAFT_6, "draft-07": Draft.DRAFT_7, "2019-09": 2019}
    return next((Draft(draft) for name, draft in names.items() if name in str(written)), Draft.DRAFT_2020_12)


def _covers(span: _Span, draft: Draft) -> bool:
    return span.first <= draft <= span.last


def _demands(schema: Mapping[str, Any], keyword: str, value: Any) -> bool:
    """Whether the keyword narrows anything beyond a type that Cedar sees."""
    if keyword in _CHOICES:
        return isinstance(value, list) and not all(_is_type(branch) for branch in value)
    if keyword == "if":
        return "then" in schema or "else" in schema
    if keyword in {"const", "enum"}:
        return True
    if keyword not in CHECKED and keyword not in _UNCHECKED:
        return False
    match value:
        case bool():
            return value is not (keyword not in _SWITCHES)
        case int() | float():
            return value != 0 or keyword not in _LEAST
        case _:
            return value != {} or keyword not in _OPEN


_SWITCHES: Final = frozenset({"exclusiveMaximum", "exclusiveMinimum", "uniqueItems"})
_LEAST: Final = frozenset({"minItems", "minLength", "minProperties"})
_OPEN: Final = frozenset({
    "additionalItems", "additionalProperties", "dependencies", "dependentRequired", "dependentSchemas",
    "patternProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
"""Which keywords say nothing with false, 0 and `{}`; every other one says nothing with true."""


def _is_type(branch: object) -> bool:
    return isinstance(branch, Mapping) and branch.keys() <= {"type", *_ANNOTATIONS}


def _local(root: Mapping[str, Any], reference: str) -> object:
    """What a reference within the document names, None where it names nothing or another document."""
    if not reference.startswith("#"):
        return None
    reached: object = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        reached = _step(reached, name)
    return reached


def _step(at: object, name: str) -> object:
    if isinstance(at, list):
        return at[int(name)] if name.isdecimal() and int(name) < len(at) else None
    return _part(at, name)


def _part(schema: object, name: str) -> Any:
    return schema.get(name) if isinstance(schema, Mapping) else None
