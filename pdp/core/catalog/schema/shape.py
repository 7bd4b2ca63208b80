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
    """A record; Cedar sees its `fields` alone.

    Where the rest is declared, `patterns` are those that a member's name must match one of to be so; without
    any, every name is.
    """

    fields: Mapping[str, Field]
    rest: Rest = Rest.UNDECLARED
    patterns: tuple[str, ...] = ()


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


def bounded(kind: Primitive, *, least: int, most: int) -> Primitive | Bounded | Opaque:
    """A Long or decimal from `least` to `most` in Cedar's units; opaque when Cedar holds none of these."""
    least, most = max(least, LEAST), min(most, MOST)
    if least > most:
        return Opaque(Why.OUT_OF_RANGE)
    return kind if (least, most) == (LEAST, MOST) else Bounded(kind, least, most)


def kind_of(scalar: Scalar) -> Primitive:
    """The Cedar type of a scalar."""
    return scalar if isinstance(scalar, Primitive) else scalar.kind
