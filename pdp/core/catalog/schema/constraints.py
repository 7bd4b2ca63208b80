"""Constraints: what a JSON Schema demands of a value beyond its type, and whether its check enforces that."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.catalog.schema.dialect import Dialect
from pdp.core.catalog.schema.reference import SchemaDocument

MAX_SCHEMAS: Final = 100_000
"""So many schemas are read for one tool, each for every place that it applies to."""

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


@dataclass(frozen=True, slots=True)
class _Span:
    first: Dialect = Dialect.DRAFT_4
    last: Dialect = Dialect.DRAFT_2020_12

    def covers(self, dialect: Dialect) -> bool:
        order = list(Dialect)
        return order.index(self.first) <= order.index(dialect) <= order.index(self.last)


CHECKED: Final[Mapping[str, _Span]] = {
    **dict.fromkeys(_EVERY, _Span()),
    **dict.fromkeys(("const", "contains", "propertyNames"), _Span(Dialect.DRAFT_6)),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _Span(Dialect.DRAFT_6, Dialect.DRAFT_7)),
    "if": _Span(Dialect.DRAFT_7),
    "additionalItems": _Span(last=Dialect.DRAFT_2019_09),
    **dict.fromkeys(
        ("dependentRequired", "dependentSchemas", "maxContains", "minContains", "unevaluatedItems"),
        _Span(Dialect.DRAFT_2019_09),
    ),
    "unevaluatedProperties": _Span(Dialect.DRAFT_2019_09),
    **dict.fromkeys(("$dynamicRef", "prefixItems"), _Span(Dialect.DRAFT_2020_12)),
}
"""The drafts under which the check of arguments enforces each keyword; elsewhere it is passed over."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Keywords at one place, sorted: those that the check of arguments enforces, and those that nothing does."""

    enforced: tuple[str, ...]
    unenforced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Applying:
    """All schemas that apply to one value, and keywords by which there are others that were not read."""

    schemas: tuple[Mapping[str, Any], ...]
    unread: frozenset[str]


class SchemaPlaces:
    """A schema, to be followed to what applies to a part of its values; a number of schemas is read in all."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._document = SchemaDocument(root)
        self._left = MAX_SCHEMAS

    def top(self) -> Applying:
        """What applies to the whole value."""
        return self._applying([("type", self._root)], above=frozenset())

    def member(self, place: Applying, name: str) -> Applying:
        """What applies to the member `name` of the objects at `place`."""
        parts = [("properties", _part(_part(schema, "properties"), name)) for schema in place.schemas]
        return self._applying(parts, above=place.unread)

    def items(self, place: Applying) -> Applying:
        """What applies to items of the arrays at `place`, to any of them or to some."""
        keywords = ("items", "prefixItems", "additionalItems")
        found = ((keyword, schema.get(keyword)) for schema in place.schemas for keyword in keywords)
        parts = [(keyword, part) for keyword, each in found for part in (each if isinstance(each, list) else [each])]
        return self._applying(parts, above=place.unread)

    def constraints(self, place: Applying) -> Constraints:
        """What is demanded at `place`; of what was not read, the keyword that leads to it."""
        written = {key for schema in place.schemas for key, value in schema.items() if _demands(schema, key, value)}
        known = {keyword for keyword in written & CHECKED.keys() if CHECKED[keyword].covers(self._document.dialect)}
        enforced = known | (written & {*_CHOICES})
        return Constraints(tuple(sorted(enforced | place.unread)), tuple(sorted(written - enforced)))

    def _applying(self, schemas: list[tuple[str, Any]], *, above: frozenset[str]) -> Applying:
        """INVARIANT: each schema comes once, so references in a circle end."""
        found: dict[int, Mapping[str, Any]] = {}
        unread = set(above)
        waiting = schemas
        while waiting:
            keyword, schema = waiting.pop()
            if not isinstance(schema, Mapping) or id(schema) in found:
                continue
            if not self._left:
                unread.add(keyword)
                continue
            self._left -= 1
            effective = self._effective(schema)
            found[id(schema)] = effective
            waiting += self._included(effective, unread)
        return Applying(tuple(found.values()), frozenset(unread))

    def _effective(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Up to draft 7 nothing beside a reference counts."""
        is_alone = "$ref" in schema and self._document.dialect.is_alone_with_ref
        return {"$ref": schema["$ref"]} if is_alone else schema

    def _included(self, schema: Mapping[str, Any], unread: set[str]) -> Iterator[tuple[str, Any]]:
        if "$ref" in schema:
            try:
                yield "$ref", self._document.target(schema["$ref"])
            except LookupError:
                unread.add("$ref")
        for keyword in ("allOf", *_CHOICES):
            parts = schema.get(keyword)
            yield from ((keyword, part) for part in parts) if isinstance(parts, list) else ()


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


def _part(schema: object, name: str) -> Any:
    return schema.get(name) if isinstance(schema, Mapping) else None
