"""JSON arguments to Cedar values, by the shape of the tool's schema: lossless or marked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.catalog.json_schema import type_names
from pdp.core.catalog.number import units_of
from pdp.core.catalog.shape import (
    LEAST,
    MOST,
    Bounded,
    Enumerated,
    Field,
    JsonType,
    Opaque,
    Primitive,
    RecordOf,
    SetOf,
    Shape,
    UnionOf,
    kind_of,
)

Path = tuple[str, ...]

_EXACT_FLOAT: Final = 2**53
"""Up to here every reader takes a float without a fraction for the same integer."""
_UNDECLARED: Final = Field(Opaque(), required=False)


@dataclass(frozen=True, slots=True)
class Translated:
    """A record in Cedar's JSON form, and the paths in it whose values it could not hold; () is all of it."""

    value: dict[str, Any]
    unrepresentable: frozenset[Path]


class _NotRepresentableError(Exception):
    """The value has no exact Cedar form under its shape."""


def translate(arguments: object, shape: RecordOf) -> Translated:
    """`arguments` under `shape`.

    A member that the shape does not declare, or whose value Cedar cannot hold exactly, is left out and
    named. Null where the schema allows it is absence; `1.0` where it wants an integer is 1. A value of
    a union stands under its type, so its path has one name more than in JSON.
    """
    if not isinstance(arguments, Mapping):
        return Translated({}, frozenset({()}))
    lost: set[Path] = set()
    value = _record(arguments, shape, (), lost)
    return Translated(value, frozenset(lost))


def json_place(path: Path, *, shape: RecordOf) -> Path:
    """The place in the arguments as written on whose value depends what Cedar has at `path`.

    It is `path` itself where that leads through records alone, else the place of the first value on the
    way that is none: which branch of a union there is, depends on the type of the whole.
    """
    reached: Shape = shape
    for length, name in enumerate(path):
        if not isinstance(reached, RecordOf):
            return path[:length]
        reached = reached.fields.get(name, _UNDECLARED).shape
    return path


def _record(value: Mapping[str, Any], shape: RecordOf, at: Path, lost: set[Path]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, item in value.items():
        field = shape.fields.get(name, _UNDECLARED)
        if item is None and field.nullable:
            continue
        path = (*at, name)
        try:
            record[name] = _value(item, field.shape, path, lost)
        except _NotRepresentableError:
            lost.add(path)
    return record


def _value(value: Any, shape: Shape, at: Path, lost: set[Path]) -> Any:
    """A value in Cedar's form; of a record or union, a part may be lost without the rest.

    Raises:
        _NotRepresentableError: Cedar cannot hold it exactly.

    """
    match shape:
        case Opaque():
            raise _NotRepresentableError
        case RecordOf():
            if not isinstance(value, Mapping):
                raise _NotRepresentableError
            return _record(value, shape, at, lost)
        case UnionOf(branches=branches):
            kind = _branch(value, branches)
            return _record({kind.value: value}, RecordOf({kind.value: Field(branches[kind], required=True)}), at, lost)
        case SetOf(element=element):
            if not isinstance(value, list):
                raise _NotRepresentableError
            return [_element(item, element) for item in value]
        case Primitive() | Enumerated() | Bounded():
            return _scalar(value, kind_of(shape))


def _element(value: Any, shape: Shape) -> Any:
    """A member of a set, which is lost as soon as a part of it is."""
    lost: set[Path] = set()
    element = _value(value, shape, (), lost)
    if lost:
        raise _NotRepresentableError
    return element


def _branch(value: Any, branches: Mapping[JsonType, Shape]) -> JsonType:
    """The branch that a value of a union belongs to; a number without a fraction is an integer where there is one."""
    for name in type_names(value):
        if name in branches:
            return JsonType(name)
    raise _NotRepresentableError


def _scalar(value: Any, kind: Primitive) -> Any:
    match kind:
        case Primitive.STRING if _is_text(value):
            return value
        case Primitive.BOOLEAN if isinstance(value, bool):
            return value
        case Primitive.LONG if isinstance(value, int | float) and not isinstance(value, bool):
            return _long(value)
        case Primitive.DECIMAL if isinstance(value, int | float) and not isinstance(value, bool):
            return _decimal(value)
        case _:
            raise _NotRepresentableError


def _is_text(value: Any) -> bool:
    """Whether it is a string that UTF-8 can hold: lone surrogates cannot be told to Cedar."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _long(value: Any) -> int:
    if isinstance(value, float) and not (value.is_integer() and abs(value) <= _EXACT_FLOAT):
        raise _NotRepresentableError
    if not LEAST <= value <= MOST:
        raise _NotRepresentableError
    return int(value)


def _decimal(value: float) -> dict[str, Any]:
    if not LEAST <= value <= MOST:
        raise _NotRepresentableError
    units = units_of(value, Primitive.DECIMAL)
    if units != units.to_integral_value() or not LEAST <= units <= MOST:
        raise _NotRepresentableError
    whole, places = divmod(abs(int(units)), 10_000)
    sign = "-" if units < 0 else ""
    return {"__extn": {"fn": "decimal", "arg": f"{sign}{whole}.{places:04}"}}
