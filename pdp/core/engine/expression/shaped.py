"""What is known of a value by its shape alone."""

from typing import TypeAlias

from pdp.core.catalog.schema.shape import (
    Bounded,
    Enumerated,
    Opaque,
    Primitive,
    RecordOf,
    Scalar,
    SetOf,
    Shape,
    UnionOf,
)
from pdp.core.catalog.schema.shape import kind_of as scalar_kind
from pdp.core.engine.expression.extension import FixedDecimal
from pdp.core.engine.expression.situation import (
    Failed,
    OpenRecord,
    Operand,
    Result,
    Risk,
    Truth,
    Truths,
    Undecided,
    Unknown,
    truths_of,
)
from pdp.core.engine.expression.value import RecordValue, SetValue, Value

Kind: TypeAlias = type[object]

_KINDS: dict[Primitive, Kind] = {
    Primitive.LONG: int,
    Primitive.STRING: str,
    Primitive.BOOLEAN: bool,
    Primitive.DECIMAL: FixedDecimal,
}
_PRIMITIVES = {kind: primitive for primitive, kind in _KINDS.items()}


def kind_of(operand: Operand) -> Kind | None:
    """The type of `operand`, None where that is unknown."""
    match operand:
        case Unknown(shape=shape):
            return _kind_of_shape(shape)
        case OpenRecord():
            return RecordValue
        case _:
            return type(operand)


def _kind_of_shape(shape: Shape) -> Kind | None:
    match shape:
        case Primitive() | Enumerated() | Bounded():
            return _KINDS[scalar_kind(shape)]
        case SetOf():
            return SetValue
        case RecordOf() | UnionOf():
            return RecordValue
        case Opaque():
            return None


def shape_of(operand: Operand) -> Shape:
    """A shape that has `operand`; `Opaque` where there is none better."""
    match operand:
        case Unknown(shape=shape):
            return shape
        case SetValue():
            return SetOf(Opaque())
        case _:
            return _PRIMITIVES.get(type(operand), Opaque())


def may_be(value: Value, shape: Shape) -> bool:
    """Whether a value of `shape` can be equal to `value`; True also where that is not known."""
    match shape:
        case Primitive() | Enumerated() | Bounded():
            return type(value) is _KINDS[scalar_kind(shape)] and _admits(shape, value)
        case SetOf(element=element):
            return isinstance(value, SetValue) and all(may_be(each, element) for each in value)
        case RecordOf(fields=fields):
            return (
                isinstance(value, RecordValue)
                and value.fields.keys() <= fields.keys()
                and all(may_be(each, fields[name].shape) for name, each in value.fields.items())
                and all(name in value.fields for name, field in fields.items() if field.required)
            )
        case UnionOf(branches=branches):
            return isinstance(value, RecordValue) and [
                may_be(each, branch)
                for name, each in value.fields.items()
                for kind, branch in branches.items()
                if kind == name
            ] == [True]
        case Opaque():
            return True


def _admits(shape: Scalar, value: Value) -> bool:
    """Whether a value of the right type is one of a scalar's."""
    held = value.units if isinstance(value, FixedDecimal) else value
    match shape:
        case Enumerated(values=values):
            return held in values
        case Bounded(least=least, most=most):
            return isinstance(held, int) and least <= held <= most
        case _:
            return True


def risk_of(operand: Operand) -> Risk:
    """Whether `operand` may turn out to be an error."""
    return operand.risk if isinstance(operand, Unknown) else Risk.NONE


def at_risk(operand: Operand) -> Operand:
    """`operand`, or an error instead."""
    return Unknown(shape_of(operand), Risk.ERROR)


def operand_of(result: Undecided | Operand) -> Operand:
    """`result` where an operator takes a value."""
    if isinstance(result, Undecided):
        return Unknown(Primitive.BOOLEAN, Risk.ERROR if Truth.ERROR in result.truths else Risk.NONE)
    return result


def decided(truths: Truths, *, failure: Failed) -> Result:
    """The result of a condition that may come to each of `truths`; `failure` is the one error among them."""
    if len(truths) > 1:
        return Undecided(truths)
    if Truth.ERROR in truths:
        return failure
    return Truth.TRUE in truths


def either(left: Result, right: Result, *, risk: Risk) -> Result:
    """One of the two, which one is unknown, or an error where there is a risk of one."""
    if left == right and type(left) is type(right) and risk is Risk.NONE:
        return left
    sides = [side for side in (left, right) if not isinstance(side, Failed)]
    risky = len(sides) < 2 or risk is Risk.ERROR  # noqa: PLR2004
    if not sides:
        return left
    operands = [operand_of(side) for side in sides]
    shapes = [shape_of(operand) for operand in operands]
    if all(_kind_of_shape(shape) is bool for shape in shapes):
        error = frozenset({Truth.ERROR}) if risk is Risk.ERROR else frozenset[Truth]()
        return Undecided(truths_of(left) | truths_of(right) | error)
    risky = risky or any(risk_of(operand) is Risk.ERROR for operand in operands)
    shape = shapes[0] if all(each == shapes[0] for each in shapes) else Opaque()
    return Unknown(shape, Risk.ERROR if risky else Risk.NONE)
