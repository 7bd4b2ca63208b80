"""JSON arguments to Cedar values, by the shape of the tool's schema: lossless or marked."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pdp.core.catalog.shape import Field, Opaque, Primitive, RecordOf, SetOf, Shape

Path = tuple[str, ...]

_MAX_LONG: Final = 2**63 - 1
_MIN_LONG: Final = -(2**63)
_DECIMAL_PLACES: Final = Decimal("0.0001")
_MAX_DECIMAL: Final = Decimal("922337203685477.5807")


@dataclass(frozen=True, slots=True)
class Translated:
    """A record in Cedar's JSON form, and the paths whose values it could not hold."""

    value: dict[str, Any]
    unrepresentable: frozenset[Path]


class _NotRepresentableError(Exception):
    """The value has no exact Cedar form under its shape."""


def translate(arguments: Mapping[str, Any], shape: RecordOf) -> Translated:
    """`arguments` under `shape`.

    A member that the shape does not declare, or whose value Cedar cannot hold exactly, is left out and
    named. Null where the schema allows it is absence.
    """
    lost: set[Path] = set()
    value = _record(arguments, shape, (), lost)
    return Translated(value, frozenset(lost))


def _record(value: Mapping[str, Any], shape: RecordOf, at: Path, lost: set[Path]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, item in value.items():
        field = shape.fields.get(name, Field(Opaque(), required=False))
        if item is None and field.nullable:
            continue
        path = (*at, name)
        if isinstance(field.shape, RecordOf) and isinstance(item, Mapping):
            record[name] = _record(item, field.shape, path, lost)
            continue
        try:
            record[name] = _value(item, field.shape)
        except _NotRepresentableError:
            lost.add(path)
    return record


def _value(value: Any, shape: Shape) -> Any:
    match shape:
        case Primitive.STRING if isinstance(value, str):
            return value
        case Primitive.BOOLEAN if isinstance(value, bool):
            return value
        case Primitive.LONG if isinstance(value, int) and not isinstance(value, bool):
            if _MIN_LONG <= value <= _MAX_LONG:
                return value
        case Primitive.DECIMAL if isinstance(value, int | float) and not isinstance(value, bool):
            return _decimal(value)
        case SetOf(element=element) if isinstance(value, list):
            return [_value(item, element) for item in value]
        case RecordOf() if isinstance(value, Mapping):
            return _whole_record(value, shape)
        case _:
            pass
    raise _NotRepresentableError


def _whole_record(value: Mapping[str, Any], shape: RecordOf) -> dict[str, Any]:
    lost: set[Path] = set()
    record = _record(value, shape, (), lost)
    if lost:
        raise _NotRepresentableError
    return record


def _decimal(value: float) -> dict[str, Any]:
    exact = Decimal(repr(value))
    if abs(exact) > _MAX_DECIMAL or exact != exact.quantize(_DECIMAL_PLACES):
        raise _NotRepresentableError
    return {"__extn": {"fn": "decimal", "arg": f"{exact:.4f}"}}
