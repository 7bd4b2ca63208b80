"""Shapes: what Cedar can see of a JSON value (DESIGN 3's table).

A shape is lossless or says so: whatever Cedar cannot hold exactly is `Opaque`, and a policy that reads
it in a call that has it denies the call. Cedar's units are integers for a Long and ten-thousandths for a
decimal, so that both have the range of a 64-bit integer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

LEAST: Final = -(2**63)
MOST: Final = 2**63 - 1
"""What a Long holds, and a decimal in ten-thousandths."""


class Primitive(StrEnum):
    """Cedar types without parts."""

    LONG = "Long"
    STRING = "String"
    BOOLEAN = "Boolean"
    DECIMAL = "decimal"


class JsonType(StrEnum):
    """The types that JSON Schema tells apart; `null` is absence, so it is no branch of a union."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Enumerated:
    """A primitive with few valid values: all of them that Cedar can hold, in Cedar's units, sorted."""

    kind: Primitive
    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bounded:
    """A Long or decimal within bounds, both valid, in Cedar's units."""

    kind: Primitive
    least: int
    most: int


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


class Rest(StrEnum):
    """What the schema of an object says of members that it does not name one by one."""

    UNDECLARED = "undeclared"
    """Nothing, or only that they may be there."""
    DECLARED = "declared"
    """It describes them, by `patternProperties` or a schema in `additionalProperties`."""


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A record; Cedar sees its `fields` alone."""

    fields: Mapping[str, Field]
    rest: Rest = Rest.UNDECLARED


@dataclass(frozen=True, slots=True)
class UnionOf:
    """A record that has exactly one attribute, named and shaped for the type that the JSON value has."""

    branches: Mapping[JsonType, "Shape"]


class Why(StrEnum):
    """Why Cedar cannot hold a value."""

    ANYTHING = "may be of any type"
    NOTHING = "no value is valid"
    FREE_FORM = "an object whose members are not declared"
    RECURSIVE = "refers to itself"
    MIXED = "an array of values of several types"
    TUPLE = "an array with a type for each place"
    DIFFERENT = "an object that may be of several forms"
    OUT_OF_RANGE = "no valid number fits"
    COMPLEX = "nests or branches too far"
    RESERVED = "its name is reserved by Cedar"


@dataclass(frozen=True, slots=True)
class Opaque:
    """Not representable; two of these are the same shape, whatever the reasons."""

    why: Why = field(default=Why.ANYTHING, compare=False)


Scalar: TypeAlias = Primitive | Enumerated | Bounded
Shape: TypeAlias = Scalar | SetOf | RecordOf | UnionOf | Opaque


def bounded(kind: Primitive, *, least: int, most: int) -> Shape:
    """A Long or decimal from `least` to `most` in Cedar's units; opaque when Cedar holds none of these."""
    least, most = max(least, LEAST), min(most, MOST)
    if least > most:
        return Opaque()
    return kind if (least, most) == (LEAST, MOST) else Bounded(kind, least, most)


def widened(one: Shape, other: Shape) -> Shape:
    """The shape of what is of `one` or of `other`; opaque unless both are of one Cedar type."""
    if one == other:
        return one
    match one, other:
        case SetOf(), SetOf():
            element = widened(one.element, other.element)
            return Opaque() if isinstance(element, Opaque) else SetOf(element)
        case Enumerated(), Enumerated() if one.kind is other.kind:
            return Enumerated(one.kind, tuple(sorted({*one.values, *other.values})))
        case Bounded(), Bounded() if one.kind is other.kind:
            return bounded(one.kind, least=min(one.least, other.least), most=max(one.most, other.most))
        case RecordOf(), RecordOf():
            return _widened_record(one, other)
        case ((Primitive() | Enumerated() | Bounded()), (Primitive() | Enumerated() | Bounded())):
            return kind_of(one) if kind_of(one) is kind_of(other) else Opaque()
        case _:
            return Opaque()


def kind_of(scalar: Scalar) -> Primitive:
    """The Cedar type of a scalar."""
    return scalar if isinstance(scalar, Primitive) else scalar.kind


def _widened_record(one: RecordOf, other: RecordOf) -> Shape:
    """A record whose fields differ in name, or in whether they must be there, has no one Cedar type."""
    if {name: (f.required, f.nullable) for name, f in one.fields.items()} != {
        name: (f.required, f.nullable) for name, f in other.fields.items()
    }:
        return Opaque()
    return RecordOf(
        {
            name: Field(widened(f.shape, other.fields[name].shape), required=f.required, nullable=f.nullable)
            for name, f in one.fields.items()
        }
    )
