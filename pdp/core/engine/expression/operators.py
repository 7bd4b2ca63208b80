"""Cedar's operators on values, and what can be said of them where a value is unknown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pdp.core.catalog.schema.shape import Opaque, Primitive, SetOf, Shape
from pdp.core.engine.expression import extension
from pdp.core.engine.expression.extension import (
    MAX_LONG,
    MIN_LONG,
    ExtensionError,
    FixedDecimal,
    Instant,
    IpRange,
    Span,
)
from pdp.core.engine.expression.shaped import Kind, kind_of, may_be, risk_of
from pdp.core.engine.expression.situation import (
    ANY_BOOLEAN,
    ANY_TRUTH,
    OPEN,
    Failed,
    Operand,
    Reason,
    Result,
    Risk,
    Undecided,
    Unknown,
)
from pdp.core.engine.expression.value import SetValue, Value, same

TYPE_ERROR: Final = Failed(Reason.TYPE)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator whose operands have the types `takes`, and its result `gives`; `risk` is what may go wrong then."""

    takes: tuple[Kind, ...]
    apply: Callable[..., Value]
    gives: Shape
    risk: Risk = Risk.NONE

    def on_values(self, *values: Value) -> Result:
        """What Cedar makes of `values`."""
        for value, kind in zip(values, self.takes, strict=True):
            if type(value) is not kind and kind is not object:
                return TYPE_ERROR
        try:
            return self.apply(*values)
        except OverflowError:
            return Failed(Reason.OVERFLOW)
        except ExtensionError:
            return Failed(Reason.EXTENSION)

    def on_operands(self, *operands: Operand) -> Result:
        """What it may come to where some of `operands` are unknown."""
        risk = self.risk
        for operand, kind in zip(operands, self.takes, strict=True):
            actual = kind_of(operand)
            if kind is not object and actual not in (kind, None):
                return TYPE_ERROR
            if risk_of(operand) is Risk.ERROR or (actual is None and kind is not object):
                risk = Risk.ERROR
        if self.gives is Primitive.BOOLEAN:
            return some_boolean(risk)
        return Unknown(self.gives, risk)


def some_boolean(risk: Risk) -> Undecided:
    """True or false, or an error where there is a risk of one."""
    return Undecided(ANY_BOOLEAN if risk is Risk.NONE else ANY_TRUTH)


class Equality:
    """`==`: of values of any types."""

    def on_values(self, left: Value, right: Value) -> Result:
        """Whether the two are equal."""
        return same(left, right)

    def on_operands(self, left: Operand, right: Operand) -> Result:
        """Whether the two are equal, as far as their shapes tell."""
        risk = Risk.ERROR if Risk.ERROR in {risk_of(left), risk_of(right)} else Risk.NONE
        return False if risk is Risk.NONE and _differ(left, right) else some_boolean(risk)


def _differ(left: Operand, right: Operand) -> bool:
    kinds = kind_of(left), kind_of(right)
    if None not in kinds and kinds[0] is not kinds[1]:
        return True
    if isinstance(left, Unknown) and not isinstance(right, OPEN):
        return not may_be(right, left.shape)
    if isinstance(right, Unknown) and not isinstance(left, OPEN):
        return not may_be(left, right.shape)
    return False


class Order:
    """`<` and `<=`: of two numbers, two instants or two spans of time."""

    _KINDS: Final = (int, Instant, Span)

    def __init__(self, compare: Callable[[Any, Any], bool]) -> None:
        self._compare = compare

    def on_values(self, left: Value, right: Value) -> Result:
        """Whether they stand in this order."""
        if type(left) is not type(right) or type(left) not in self._KINDS:
            return TYPE_ERROR
        return self._compare(left, right)

    def on_operands(self, left: Operand, right: Operand) -> Result:
        """Whether they may stand in this order."""
        kinds = {kind_of(left), kind_of(right)}
        if any(kind not in (*self._KINDS, None) for kind in kinds) or len(kinds - {None}) > 1:
            return TYPE_ERROR
        risky = None in kinds or Risk.ERROR in {risk_of(left), risk_of(right)}
        return some_boolean(Risk.ERROR if risky else Risk.NONE)


BinaryOperator = Operator | Equality | Order


def _long(value: int) -> int:
    if not MIN_LONG <= value <= MAX_LONG:
        raise OverflowError
    return value


def _arithmetic(apply: Callable[[int, int], int]) -> Operator:
    return Operator((int, int), lambda left, right: _long(apply(left, right)), Primitive.LONG, Risk.ERROR)


def _sets(apply: Callable[[SetValue, SetValue], bool]) -> Operator:
    return Operator((SetValue, SetValue), apply, Primitive.BOOLEAN)


def _decimals(apply: Callable[[FixedDecimal, FixedDecimal], bool]) -> Operator:
    return Operator((FixedDecimal, FixedDecimal), apply, Primitive.BOOLEAN)


def _reading(apply: Callable[[str], Value], *, gives: Shape = Opaque()) -> Operator:  # noqa: B008 - frozen
    return Operator((str,), apply, gives, Risk.ERROR)


def _of_address(apply: Callable[[IpRange], bool]) -> Operator:
    return Operator((IpRange,), apply, Primitive.BOOLEAN)


def _in_units(unit: timedelta) -> Operator:
    return Operator((Span,), lambda span: extension.whole(span, unit=unit), Primitive.LONG)


NOT: Final = Operator((bool,), lambda value: not value, Primitive.BOOLEAN)

UNARY: Final[Mapping[str, Operator]] = {
    "not": NOT,
    "neg": Operator((int,), lambda value: _long(-value), Primitive.LONG, Risk.ERROR),
    "is_empty": Operator((SetValue,), lambda value: not value.keys, Primitive.BOOLEAN),
    "decimal": _reading(extension.decimal, gives=Primitive.DECIMAL),
    "ip": _reading(extension.ip),
    "datetime": _reading(extension.datetime),
    "duration": _reading(extension.duration),
    "is_ipv4": _of_address(lambda address: address.bits == 32),  # noqa: PLR2004
    "is_ipv6": _of_address(lambda address: address.bits == 128),  # noqa: PLR2004
    "is_loopback": _of_address(extension.is_loopback),
    "is_multicast": _of_address(extension.is_multicast),
    "to_date": Operator((Instant,), extension.to_date, Opaque(), Risk.ERROR),
    "to_time": Operator((Instant,), extension.to_time, Opaque()),
    "to_milliseconds": _in_units(timedelta(milliseconds=1)),
    "to_seconds": _in_units(timedelta(seconds=1)),
    "to_minutes": _in_units(timedelta(minutes=1)),
    "to_hours": _in_units(timedelta(hours=1)),
    "to_days": _in_units(timedelta(days=1)),
}

BINARY: Final[Mapping[str, BinaryOperator]] = {
    "eq": Equality(),
    "less": Order(lambda left, right: left < right),
    "less_eq": Order(lambda left, right: left <= right),
    "greater": Order(lambda left, right: left > right),
    "greater_eq": Order(lambda left, right: left >= right),
    "add": _arithmetic(lambda left, right: left + right),
    "sub": _arithmetic(lambda left, right: left - right),
    "mul": _arithmetic(lambda left, right: left * right),
    "contains": Operator((SetValue, object), lambda left, right: right in left, Primitive.BOOLEAN),
    "contains_all": _sets(lambda left, right: right.keys <= left.keys),
    "contains_any": _sets(lambda left, right: not right.keys.isdisjoint(left.keys)),
    "is_in_range": Operator((IpRange, IpRange), extension.in_range, Primitive.BOOLEAN),
    "offset": Operator((Instant, Span), extension.offset, Opaque(), Risk.ERROR),
    "duration_since": Operator((Instant, Instant), extension.duration_since, Opaque(), Risk.ERROR),
    "decimal_less_than": _decimals(lambda left, right: left < right),
    "decimal_less_eq": _decimals(lambda left, right: left <= right),
    "decimal_greater": _decimals(lambda left, right: left > right),
    "decimal_greater_eq": _decimals(lambda left, right: left >= right),
}


def set_shape(shapes: list[Shape]) -> SetOf:
    """The shape of a set of elements of `shapes`."""
    return SetOf(shapes[0] if all(shape == shapes[0] for shape in shapes) else Opaque())
