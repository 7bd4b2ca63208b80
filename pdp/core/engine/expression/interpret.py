"""Cedar expressions as programs: run in a situation they come to what Cedar makes of them, as far as it is known.

INVARIANT: what they say of the unknown is never too little: where Cedar can find a condition true, false or
failing in some request that fits the situation, that is among its truths.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pdp.core.catalog.schema.shape import Primitive
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.expression.entities import attribute, has_attribute, has_tag, is_of_type, is_within, tag
from pdp.core.engine.expression.operators import BINARY, TYPE_ERROR, UNARY, BinaryOperator, Operator, set_shape
from pdp.core.engine.expression.pattern import Pattern
from pdp.core.engine.expression.shaped import decided, either, operand_of, risk_of, shape_of
from pdp.core.engine.expression.situation import (
    ANYTHING,
    OPEN,
    UNSURE,
    Failed,
    OpenRecord,
    Operand,
    Result,
    Risk,
    Situation,
    Truth,
    Unknown,
    truths_of,
)
from pdp.core.engine.expression.value import RecordValue, SetValue, Value

Program: TypeAlias = Callable[[Situation], Result]

_NEGATED = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.ERROR: Truth.ERROR}


@dataclass(frozen=True, slots=True)
class Constant:
    """The program of an expression that comes to the same in every situation."""

    result: Result

    def __call__(self, _: Situation) -> Result:
        """What it always comes to."""
        return self.result


def interpret(expr: pst.Expr, situation: Situation) -> Result:
    """What `expr` comes to in `situation`."""
    return program(expr)(situation)


def program(expr: pst.Expr) -> Program:
    """The program of `expr`, for one that is run more than once."""
    match expr:
        case pst.BoolLit() | pst.LongLit() | pst.StringLit() | pst.EntityLit() | pst.Var() | pst.Slot():
            return _leaf(expr)
        case pst.UnaryOp(op="not", arg=arg):
            return _not(program(arg))
        case pst.UnaryOp(op=op, arg=arg):
            return _unary(UNARY[op], program(arg))
        case pst.BinaryOp(op=op, left=left, right=right):
            return _binary(op, program(left), program(right))
        case pst.GetAttr(base=base, attr=attr):
            return _on_one(program(base), lambda value, situation: attribute(value, attr, situation))
        case pst.HasAttr(base=base, attrs=attrs):
            return _has(base, attrs)
        case pst.Like(base=base, pattern=pattern):
            return _unary(Operator((str,), Pattern.of(pattern).matches, Primitive.BOOLEAN), program(base))
        case _:
            return _compound(expr)


def _leaf(expr: pst.Lit | pst.Var | pst.Slot) -> Program:
    match expr:
        case pst.EntityLit(value=entity):
            return Constant(EntityUid(str(entity.type), entity.id))
        case pst.Var(name="principal"):
            return lambda situation: situation.principal
        case pst.Var(name="action"):
            return lambda situation: situation.action
        case pst.Var(name="resource"):
            return lambda situation: situation.resource
        case pst.Var():
            return lambda situation: situation.context
        case pst.Slot():
            raise TypeError("a template's slot has no entity before it is linked")
        case _:
            return Constant(expr.value)


def _compound(expr: pst.Is | pst.IfThenElse | pst.Set | pst.Record) -> Program:
    match expr:
        case pst.Is(base=base, entity_type=kind, in_expr=groups):
            test = _on_one(program(base), lambda value, _: is_of_type(value, str(kind)))
            return test if groups is None else connected(test, _binary("in", program(base), program(groups)))
        case pst.IfThenElse(cond=cond, then_expr=then_expr, else_expr=else_expr):
            return _branch(program(cond), program(then_expr), program(else_expr))
        case pst.Set(elements=elements):
            return _set([program(element) for element in elements])
        case pst.Record(fields=fields):
            return _record({name: program(field) for name, field in fields.items()})


def _pure(run: Program, *parts: Program) -> Program:
    """`run`, folded where it is of constants and looks at nothing else."""
    return Constant(run(ANYTHING)) if all(isinstance(part, Constant) for part in parts) else run


def _unary(operator: Operator, arg: Program) -> Program:
    def run(situation: Situation) -> Result:
        value = arg(situation)
        if isinstance(value, Failed):
            return value
        if isinstance(value, UNSURE):
            return operator.on_operands(operand_of(value))
        return operator.on_values(value)

    return _pure(run, arg)


def _not(arg: Program) -> Program:
    def run(situation: Situation) -> Result:
        value = arg(situation)
        if isinstance(value, bool):
            return not value
        if isinstance(value, Failed):
            return value
        return decided(frozenset(_NEGATED[truth] for truth in truths_of(value)), failure=TYPE_ERROR)

    return run


def _binary(op: pst.BinaryOpName, left: Program, right: Program) -> Program:
    match op:
        case "and":
            return connected(left, right)
        case "or":
            return connected(left, right, going_on=Truth.FALSE)
        case "in":
            return _on_two(left, right, is_within)
        case "has_tag":
            return _on_two(left, right, has_tag)
        case "get_tag":
            return _on_two(left, right, tag)
        case "not_eq":
            return _not(_operator(BINARY["eq"], left, right))
        case _:
            return _operator(BINARY[op], left, right)


def _operator(operator: BinaryOperator, left: Program, right: Program) -> Program:
    def run(situation: Situation) -> Result:
        first = left(situation)
        if isinstance(first, Failed):
            return first
        second = right(situation)
        if isinstance(second, Failed):
            return second
        if isinstance(first, UNSURE) or isinstance(second, UNSURE):
            return operator.on_operands(operand_of(first), operand_of(second))
        return operator.on_values(first, second)

    return _pure(run, left, right)


def _on_one(base: Program, apply: Callable[[Operand, Situation], Result]) -> Program:
    def run(situation: Situation) -> Result:
        value = base(situation)
        return value if isinstance(value, Failed) else apply(operand_of(value), situation)

    return run


def _on_two(left: Program, right: Program, apply: Callable[[Operand, Operand, Situation], Result]) -> Program:
    def run(situation: Situation) -> Result:
        first = left(situation)
        if isinstance(first, Failed):
            return first
        second = right(situation)
        return second if isinstance(second, Failed) else apply(operand_of(first), operand_of(second), situation)

    return run


def _has(base: pst.Expr, attrs: Sequence[str]) -> Program:
    """`base has a.b` is `base has a && base.a has b`."""
    first = attrs[0]
    test = _on_one(program(base), lambda value, situation: has_attribute(value, first, situation))
    return test if len(attrs) == 1 else connected(test, _has(pst.GetAttr(base, first), attrs[1:]))


def connected(left: Program, right: Program, *, going_on: Truth = Truth.TRUE) -> Program:
    """`&&`, or `||`, which goes on to its right side where the left one is false."""

    def run(situation: Situation) -> Result:
        first = left(situation)
        if isinstance(first, Failed):
            return first
        reached = truths_of(first)
        if going_on not in reached:
            return decided(reached, failure=TYPE_ERROR)
        second = right(situation)
        truths = (reached - {going_on}) | truths_of(second)
        return decided(truths, failure=second if isinstance(second, Failed) else TYPE_ERROR)

    return run


def _branch(condition: Program, positive: Program, negative: Program) -> Program:
    def run(situation: Situation) -> Result:
        test = condition(situation)
        if isinstance(test, bool):
            return positive(situation) if test else negative(situation)
        if isinstance(test, Failed):
            return test
        truths = truths_of(test)
        first = positive(situation) if Truth.TRUE in truths else TYPE_ERROR
        second = negative(situation) if Truth.FALSE in truths else TYPE_ERROR
        return either(first, second, risk=Risk.ERROR if Truth.ERROR in truths else Risk.NONE)

    return run


def _set(parts: Sequence[Program]) -> Program:
    def run(situation: Situation) -> Result:
        values: list[Value] = []
        operands: list[Operand] = []
        for part in parts:
            result = part(situation)
            if isinstance(result, Failed):
                return result
            operand = operand_of(result)
            operands.append(operand)
            if not isinstance(operand, OPEN):
                values.append(operand)
        if len(values) == len(operands):
            return SetValue.of(values)
        return Unknown(set_shape([shape_of(operand) for operand in operands]), _risk(operands))

    return _pure(run, *parts)


def _record(parts: Mapping[str, Program]) -> Program:
    def run(situation: Situation) -> Result:
        values: dict[str, Value] = {}
        operands: dict[str, Operand] = {}
        for name, part in parts.items():
            result = part(situation)
            if isinstance(result, Failed):
                return result
            operand = operands[name] = operand_of(result)
            if not isinstance(operand, OPEN):
                values[name] = operand
        if len(values) == len(operands):
            return RecordValue(values)
        return OpenRecord(operands) if _risk(operands.values()) is Risk.NONE else Unknown(risk=Risk.ERROR)

    return _pure(run, *parts.values())


def _risk(operands: Iterable[Operand]) -> Risk:
    return Risk.ERROR if any(risk_of(operand) is Risk.ERROR for operand in operands) else Risk.NONE
