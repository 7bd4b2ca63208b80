"""JSON Schema to shapes: how a policy sees the values that a schema describes.

INVARIANT: a shape admits at least what the schema does. Keywords that would only narrow it further are
passed over (`pattern`, `multipleOf`, `minItems`, `not`, `if`, `dependentSchemas`, `$dynamicRef`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pdp.core.catalog.schema.admitted import Admitted, Anything, Elements, Members, Part, common, joined, record_of
from pdp.core.catalog.schema.dialect import Dialect
from pdp.core.catalog.schema.number import bounded_number, few_numbers
from pdp.core.catalog.schema.reference import SchemaDocument
from pdp.core.catalog.schema.shape import Enumerated, JsonType, Opaque, Primitive, RecordOf, Rest, Why

MAX_DEPTH: Final = 16
"""So many levels of schemas within schemas are read."""
MAX_SCHEMAS: Final = 8192
"""So many schemas are read for one tool, each as often as it is referred to."""
_NULL: Final = "null"
_KINDS: Final[Mapping[object, JsonType | None]] = {_NULL: None, **{kind: kind for kind in JsonType}}
_CONDITIONAL: Final = ("then", "else")
_DEPENDENT: Final = ("dependentSchemas", "dependencies")
_TYPED: Final = frozenset(
    {
        "type",
        "properties",
        "required",
        "items",
        "prefixItems",
        "additionalProperties",
        "patternProperties",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        *_CONDITIONAL,
        *_DEPENDENT,
    }
)
"""Keywords from which something is learnt of the values of a type."""
_COMBINING: Final = frozenset({"$ref", "enum", "const", "anyOf", "oneOf", "allOf"})
_PLAIN: Final[Mapping[str, Admitted]] = {
    "string": {JsonType.STRING: Primitive.STRING},
    "boolean": {JsonType.BOOLEAN: Primitive.BOOLEAN},
    "null": {None: Opaque()},
}
_OPEN: Final[tuple[object, ...]] = (None, True, {})


def arguments_shape(input_schema: Mapping[str, Any]) -> RecordOf:
    """The record of a tool's arguments, which are always an object; its fields are all that are declared."""
    admitted = _Reader(input_schema).read(input_schema, depth=0)
    members = None if isinstance(admitted, Anything) else admitted.get(JsonType.OBJECT)
    return record_of(members) if isinstance(members, Members) else RecordOf({})


def type_names(value: object) -> tuple[str, ...]:
    """The types of a JSON value, the narrowest first: `1.0` is an integer too (JSON Schema core 4.2.3)."""
    match value:
        case None:
            return (_NULL,)
        case bool():
            return (JsonType.BOOLEAN,)
        case int():
            return (JsonType.INTEGER, JsonType.NUMBER)
        case float():
            return (JsonType.INTEGER, JsonType.NUMBER) if value.is_integer() else (JsonType.NUMBER,)
        case str():
            return (JsonType.STRING,)
        case _:
            return (JsonType.ARRAY,) if isinstance(value, list) else (JsonType.OBJECT,)


class _Reader:
    """Reads the schemas of one document, up to a number of them; `_above` are those around the one being read."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._document = SchemaDocument(root)
        self._dialect = self._document.dialect
        self._above: set[int] = set()
        self._left = MAX_SCHEMAS

    def read(self, schema: object, *, depth: int) -> Admitted:
        """What `schema` admits, `depth` schemas below the first."""
        if isinstance(schema, bool):
            return Anything() if schema else {}
        if not isinstance(schema, dict):
            return Anything()
        if id(schema) in self._above:
            return Anything(Why.RECURSIVE)
        if depth > MAX_DEPTH or not self._left:
            return Anything(Why.COMPLEX)
        self._left -= 1
        self._above.add(id(schema))
        try:
            return self._object(schema, depth)
        finally:
            self._above.discard(id(schema))

    def _object(self, schema: Mapping[str, Any], depth: int) -> Admitted:
        if "$ref" in schema and self._dialect.is_alone_with_ref:
            return self._referred(schema["$ref"], depth)
        if _COMBINING.isdisjoint(schema):
            return Anything() if _TYPED.isdisjoint(schema) else self._typed(schema, depth)
        parts: list[Admitted] = []
        if "$ref" in schema:
            parts.append(self._referred(schema["$ref"], depth))
        if not _TYPED.isdisjoint(schema):
            parts.append(self._typed(schema, depth))
        if "enum" in schema or self._has_const(schema):
            parts.append(self._enumerated(schema))
        for keyword in ("anyOf", "oneOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list) and branches:
                parts.append(joined([self.read(branch, depth=depth + 1) for branch in branches]))
        together = schema.get("allOf")
        if isinstance(together, list):
            parts += [self.read(part, depth=depth + 1) for part in together]
        return common(parts)

    def _referred(self, reference: object, depth: int) -> Admitted:
        try:
            target = self._document.target(reference)
        except LookupError:
            return Anything(Why.COMPLEX)
        return self.read(target, depth=depth + 1)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Admitted:
        """What `type` and the keywords about the values of one type say; without `type` all of them."""
        plain = _PLAIN.get(schema["type"]) if isinstance(schema.get("type"), str) else None
        if plain is not None:
            return plain
        named = schema.get("type", [_NULL, *(kind for kind in JsonType if kind is not JsonType.INTEGER)])
        names = [named] if isinstance(named, str) else named
        if not isinstance(names, list):
            return Anything()
        found: dict[JsonType | None, Part] = {}
        for name in names:
            if not isinstance(name, str) or name not in _KINDS:
                return Anything()
            found[_KINDS[name]] = self._part(name, schema, depth)
        return found

    def _part(self, name: str, schema: Mapping[str, Any], depth: int) -> Part:
        match name:
            case JsonType.STRING:
                return Primitive.STRING
            case JsonType.BOOLEAN:
                return Primitive.BOOLEAN
            case JsonType.INTEGER:
                return bounded_number(schema, Primitive.LONG)
            case JsonType.NUMBER:
                return bounded_number(schema, Primitive.DECIMAL)
            case JsonType.ARRAY:
                return self._elements(schema, depth)
            case JsonType.OBJECT:
                return self._members(schema, depth)
            case _:
                return Opaque()

    def _elements(self, schema: Mapping[str, Any], depth: int) -> Elements:
        """Arrays; a tuple whose places and rest are alike is a set like any other, for a set has no places."""
        has_prefix = self._dialect is Dialect.DRAFT_2020_12
        places = schema.get("prefixItems") if has_prefix else schema.get("items")
        if not isinstance(places, list):
            items = schema.get("items", True)
            return Elements(self.read(items, depth=depth + 1))
        rest = self.read(schema.get("items" if has_prefix else "additionalItems", True), depth=depth + 1)
        items = joined([*(self.read(place, depth=depth + 1) for place in places), rest])
        several = isinstance(items, Anything) or len(items) != 1
        return Elements(None, Why.TUPLE) if several else Elements(items)

    def _members(self, schema: Mapping[str, Any], depth: int) -> Members:
        properties, required = schema.get("properties"), schema.get("required")
        fields: dict[str, Admitted] = {}
        if isinstance(properties, Mapping):
            fields = {name: self.read(part, depth=depth + 1) for name, part in properties.items()}
        for conditional in _conditional(schema):
            fields |= {name: Anything(Why.DIFFERENT) for name in self._names(conditional, depth) if name not in fields}
        needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        opaque = None if isinstance(properties, Mapping) else Why.FREE_FORM
        return Members(fields, frozenset(needed), *_rest(schema), opaque)

    def _names(self, schema: object, depth: int) -> Iterable[str]:
        """The members that a schema declares which holds under a condition."""
        admitted = self.read(schema, depth=depth + 1)
        members = None if isinstance(admitted, Anything) else admitted.get(JsonType.OBJECT)
        return members.fields if isinstance(members, Members) else ()

    def _has_const(self, schema: Mapping[str, Any]) -> bool:
        return "const" in schema and self._dialect is not Dialect.DRAFT_4

    def _enumerated(self, schema: Mapping[str, Any]) -> Admitted:
        """Each type among the values of `const` or `enum` that `type`, if given, lets through."""
        values = [schema["const"]] if self._has_const(schema) else schema["enum"]
        named = schema.get("type")
        types = [named] if isinstance(named, str) else named
        if not isinstance(values, list):
            return Anything()
        names = types if isinstance(types, list) else _names_for(values)
        found: dict[str, list[Any]] = {}
        for value in values:
            name = next((name for name in type_names(value) if name in names), None)
            if name is not None:
                found.setdefault(name, []).append(value)
        return {None if name == _NULL else JsonType(name): _few(name, held) for name, held in found.items()}


def _rest(schema: Mapping[str, Any]) -> tuple[Rest, tuple[str, ...]]:
    """Whether members that are not named are described, and by which patterns of their names."""
    additional, patterns = schema.get("additionalProperties"), schema.get("patternProperties")
    if isinstance(additional, Mapping) and additional not in _OPEN:
        return Rest.DECLARED, ()
    if isinstance(patterns, Mapping) and patterns:
        return Rest.DECLARED, tuple(patterns)
    return Rest.UNDECLARED, ()


def _conditional(schema: Mapping[str, Any]) -> Iterator[object]:
    """The schemas that objects have to be valid by in some cases."""
    yield from (schema[keyword] for keyword in _CONDITIONAL if keyword in schema)
    for keyword in _DEPENDENT:
        dependent = schema.get(keyword)
        if isinstance(dependent, Mapping):
            yield from (part for part in dependent.values() if isinstance(part, Mapping))


def _names_for(values: list[Any]) -> list[str]:
    """Every type, but `integer` only where all numbers among `values` are integers."""
    names = [type_names(value) for value in values]
    has_fractions = any(JsonType.NUMBER in each and JsonType.INTEGER not in each for each in names)
    return [_NULL, *(kind for kind in JsonType if not (has_fractions and kind is JsonType.INTEGER))]


def _few(name: str, values: list[Any]) -> Part:
    match name:
        case JsonType.STRING:
            return Enumerated(Primitive.STRING, tuple(sorted(set(values))))
        case JsonType.BOOLEAN:
            return Enumerated(Primitive.BOOLEAN, tuple(sorted(set(values))))
        case JsonType.INTEGER | JsonType.NUMBER:
            return few_numbers(values, Primitive.LONG if name == JsonType.INTEGER else Primitive.DECIMAL)
        case JsonType.ARRAY:
            return Elements(None)
        case JsonType.OBJECT:
            return Members({}, frozenset(), opaque=Why.FREE_FORM)
        case _:
            return Opaque()
