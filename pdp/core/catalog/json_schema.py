"""JSON Schema to shapes: how a policy sees the values that a schema describes.

INVARIANT: a shape admits at least what the schema does. Keywords that would narrow it further are
passed over (`pattern`, `multipleOf`, `minItems`), those that could say anything make it opaque.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from pdp.core.catalog.number import bounded_number, few_numbers
from pdp.core.catalog.shape import (
    Enumerated,
    Field,
    JsonType,
    Opaque,
    Primitive,
    RecordOf,
    SetOf,
    Shape,
    UnionOf,
    widened,
)

_MAX_DEPTH: Final = 16
_RESERVED: Final = frozenset({"__entity", "__extn", "__expr"})
_NULL: Final = "null"

_Kinds: TypeAlias = Mapping[JsonType | None, Shape]
"""The shape for each JSON type that a schema admits; None stands for null."""


class _AnythingError(Exception):
    """The schema may admit values of any type, as far as is known here."""


def arguments_shape(input_schema: Mapping[str, Any]) -> RecordOf:
    """The record of a tool's arguments; its fields are the declared top-level properties."""
    return _record(input_schema, depth=0)


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


def _field(schema: object, *, depth: int) -> tuple[Shape, bool]:
    """The shape of a schema's values and whether null is one of them."""
    try:
        kinds = _kinds(schema, depth=depth)
    except _AnythingError:
        return Opaque(), False
    branches = {kind: shape for kind, shape in kinds.items() if kind is not None}
    if len(branches) == 1:
        return next(iter(branches.values())), None in kinds
    return (_union(branches) if branches else Opaque()), None in kinds


def _union(branches: dict[JsonType, Shape]) -> UnionOf:
    """INVARIANT: an integer beside `number` may be valid by either, so nothing bounds it."""
    if JsonType.NUMBER in branches and JsonType.INTEGER in branches:
        branches[JsonType.INTEGER] = Primitive.LONG
    return UnionOf({kind: branches[kind] for kind in sorted(branches)})


def _kinds(schema: object, *, depth: int) -> _Kinds:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH or "$ref" in schema or "allOf" in schema:
        raise _AnythingError
    types = schema.get("type")
    named = [types] if isinstance(types, str) else types
    if "const" in schema or "enum" in schema:
        return _enumerated(schema, named)
    if isinstance(named, list):
        return _joined(_typed(kind, schema, depth=depth) for kind in named)
    for keyword in ("anyOf", "oneOf"):
        if isinstance(schema.get(keyword), list):
            return _joined(_kinds(branch, depth=depth + 1) for branch in schema[keyword])
    raise _AnythingError


def _joined(parts: Iterable[_Kinds]) -> _Kinds:
    joined: dict[JsonType | None, Shape] = {}
    for part in parts:
        for kind, shape in part.items():
            joined[kind] = widened(joined[kind], shape) if kind in joined else shape
    return joined


def _typed(name: object, schema: Mapping[str, Any], *, depth: int) -> _Kinds:
    if name == _NULL:
        return {None: Opaque()}
    match name:
        case JsonType.STRING:
            return {JsonType.STRING: Primitive.STRING}
        case JsonType.BOOLEAN:
            return {JsonType.BOOLEAN: Primitive.BOOLEAN}
        case JsonType.INTEGER:
            return {JsonType.INTEGER: bounded_number(schema, Primitive.LONG)}
        case JsonType.NUMBER:
            return {JsonType.NUMBER: bounded_number(schema, Primitive.DECIMAL)}
        case JsonType.ARRAY:
            return {JsonType.ARRAY: _array(schema, depth=depth)}
        case JsonType.OBJECT:
            has_fields = isinstance(schema.get("properties"), Mapping)
            return {JsonType.OBJECT: _record(schema, depth=depth) if has_fields else Opaque()}
        case _:
            raise _AnythingError


def _enumerated(schema: Mapping[str, Any], named: object) -> _Kinds:
    """A shape for each type among the values of `const` or `enum` that `type`, if given, lets through."""
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if not isinstance(values, list):
        raise _AnythingError
    names = named if isinstance(named, list) else _names_for(values)
    found: dict[str, list[Any]] = {}
    for value in values:
        name = next((name for name in type_names(value) if name in names), None)
        if name is not None:
            found.setdefault(name, []).append(value)
    return {None if name == _NULL else JsonType(name): _few(name, held) for name, held in found.items()}


def _names_for(values: list[Any]) -> list[str]:
    """Every type, but `integer` only where all numbers among `values` are integers."""
    names = [type_names(value) for value in values]
    has_fractions = any(JsonType.NUMBER in each and JsonType.INTEGER not in each for each in names)
    return [_NULL, *(kind for kind in JsonType if not (has_fractions and kind is JsonType.INTEGER))]


def _few(name: str, values: list[Any]) -> Shape:
    match name:
        case JsonType.STRING:
            return Enumerated(Primitive.STRING, tuple(sorted(set(values))))
        case JsonType.BOOLEAN:
            return Enumerated(Primitive.BOOLEAN, tuple(sorted(set(values))))
        case JsonType.INTEGER:
            return few_numbers(values, Primitive.LONG)
        case JsonType.NUMBER:
            return few_numbers(values, Primitive.DECIMAL)
        case _:
            return Opaque()


def _array(schema: Mapping[str, Any], *, depth: int) -> Shape:
    """A set of one element type; what admits null or several types is a mixed array."""
    if "prefixItems" in schema:
        return Opaque()
    element, nullable = _field(schema.get("items"), depth=depth + 1)
    return Opaque() if nullable or isinstance(element, Opaque | UnionOf) else SetOf(element)


def _record(schema: Mapping[str, Any], *, depth: int) -> RecordOf:
    properties, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, list) else []
    fields = {}
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        shape, nullable = (Opaque(), False) if name in _RESERVED else _field(part, depth=depth + 1)
        fields[name] = Field(shape, required=name in needed and not nullable, nullable=nullable)
    return RecordOf(fields)
