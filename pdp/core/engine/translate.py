"""JSON arguments to Cedar values, by the shape of the tool's schema: lossless or marked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pdp.core.catalog.schema.json_schema import type_names
from pdp.core.catalog.schema.number import units_of
from pdp.core.catalog.schema.shape import (
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
)

T = TypeVar("T")
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
        try:
            record[name] = _value(item, field.shape, (*at, name), lost)
        except _NotRepresentableError:
            lost.add((*at, name))
    return record


def _value(value: Any, shape: Shape, at: Path, lost: set[Path]) -> Any:
    """A value in Cedar's form; of a record or union, a part may be lost without the rest.

    Raises:
        _NotRepresentableError: Cedar cannot hold it exactly.

    """
    match shape:
        case Primitive():
            return _SCALARS[shape](value)
        case Enumerated(kind=kind) | Bounded(kind=kind):
            return _SCALARS[kind](value)
        case SetOf(element=element):
            return [_element(item, element) for item in _checked(value, list)]
        case RecordOf():
            return _record(_checked(value, dict), shape, at, lost)
        case UnionOf(branches=branches):
            branch = _branch(value, branches)
            return _record(
                {branch.value: value}, RecordOf({branch.value: Field(branches[branch], required=True)}), at, lost
            )
        case Opaque():
            raise _NotRepresentableError


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


def _checked(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise _NotRepresentableError
    return value


def _string(value: Any) -> str:
    """INVARIANT: lone surrogates cannot be told to Cedar."""
    text = _checked(value, str)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _NotRepresentableError from None
    return text


def _boolean(value: Any) -> bool:
    return _checked(value, bool)


def _number(value: Any) -> Any:
    """A number from the least to the most that Cedar holds, which is no boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= MOST:
        raise _NotRepresentableError
    return value


def _long(value: Any) -> int:
    number = _number(value)
    if isinstance(number, float) and not (number.is_integer() and abs(number) <= _EXACT_FLOAT):
        raise _NotRepresentableError
    return int(number)


def _decimal(value: Any) -> dict[str, Any]:
    units = units_of(_number(value), Primitive.DECIMAL)
    if units != units.to_integral_value() or not LEAST <= units <= MOST:
        raise _NotRepresentableError
    whole, places = divmod(abs(int(units)), 10_000)
    sign = "-" if units < 0 else ""
    return {"__extn": {"fn": "decimal", "arg": f"{sign}{whole}.{places:04}"}}


_SCALARS: Final[Mapping[Primitive, Callable[[Any], Any]]] = {
    Primitive.STRING: _string,
    Primitive.BOOLEAN: _boolean,
    Primitive.LONG: _long,
    Primitive.DECIMAL: _decimal,
}
