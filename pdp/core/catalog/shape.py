"""Shapes: what Cedar can see of a value that a JSON Schema describes (DESIGN 3's table).

A shape is lossless or says so: whatever Cedar cannot hold exactly is `Opaque`, and a policy that reads
it in a call that has it denies the call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

_MAX_DEPTH: Final = 16
_RESERVED: Final = frozenset({"__entity", "__extn", "__expr"})


class Primitive(StrEnum):
    """Cedar types without parts."""

    LONG = "Long"
    STRING = "String"
    BOOLEAN = "Boolean"
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set of one element shape."""

    element: "Shape"


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute of a record."""

    shape: "Shape"
    required: bool
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A closed record."""

    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Opaque:
    """Not representable."""


Shape: TypeAlias = Primitive | SetOf | RecordOf | Opaque

_PRIMITIVES: Final = {
    "integer": Primitive.LONG,
    "number": Primitive.DECIMAL,
    "string": Primitive.STRING,
    "boolean": Primitive.BOOLEAN,
}


def arguments_shape(input_schema: Mapping[str, Any]) -> RecordOf:
    """The record of a tool's arguments; its fields are the declared top-level properties."""
    shape, _ = _shape(input_schema, depth=0)
    return shape if isinstance(shape, RecordOf) else RecordOf({})


def _shape(schema: object, *, depth: int) -> tuple[Shape, bool]:
    """The shape of a schema and whether null is one of its values."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return Opaque(), False
    if "const" in schema or "enum" in schema:
        return _enumerated(schema), None in schema.get("enum", [schema.get("const")])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _union(schema[keyword], depth=depth)
    if "$ref" in schema or "allOf" in schema:
        return Opaque(), False
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _union([{**schema, "type": kind} for kind in kinds], depth=depth)
    if kinds == "null":
        return Opaque(), True
    return _typed(kinds, schema, depth=depth), False


def _typed(kind: object, schema: Mapping[str, Any], *, depth: int) -> Shape:
    if isinstance(kind, str) and kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    if kind == "array" and "items" in schema and "prefixItems" not in schema:
        element, nullable = _shape(schema["items"], depth=depth + 1)
        return Opaque() if nullable or isinstance(element, Opaque) else SetOf(element)
    if kind == "object" and isinstance(schema.get("properties"), Mapping):
        return _record(schema, depth=depth)
    return Opaque()


def _record(schema: Mapping[str, Any], *, depth: int) -> RecordOf:
    required = schema.get("required", [])
    fields = {}
    for name, part in schema["properties"].items():
        shape, nullable = (Opaque(), False) if name in _RESERVED else _shape(part, depth=depth + 1)
        fields[name] = Field(shape, required=name in required and not nullable, nullable=nullable)
    return RecordOf(fields)


def _union(branches: object, *, depth: int) -> tuple[Shape, bool]:
    """A union of one type and null is that type, optional; any other is opaque."""
    if not isinstance(branches, list):
        return Opaque(), False
    shapes = [_shape(branch, depth=depth + 1) for branch in branches]
    nullable = any(null for _, null in shapes)
    values: list[Shape] = []
    for shape, null in shapes:
        if not (null and isinstance(shape, Opaque)) and shape not in values:
            values.append(shape)
    return values[0] if len(values) == 1 else Opaque(), nullable


def _enumerated(schema: Mapping[str, Any]) -> Shape:
    values = schema.get("enum", [schema.get("const")])
    present = [value for value in values if value is not None] if isinstance(values, list) else []
    if present and all(isinstance(value, str) for value in present):
        return Primitive.STRING
    if present and all(isinstance(value, bool) for value in present):
        return Primitive.BOOLEAN
    if present and all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return Primitive.LONG
    return Opaque()
