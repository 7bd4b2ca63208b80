"""Conditions that cannot hold together: one and its contrary, two values for one place, an empty range."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.expression.extension import MAX_LONG, MIN_LONG

_LITERALS: Final = (pst.BoolLit, pst.LongLit, pst.StringLit, pst.EntityLit)
_MIRRORED: Final[dict[str, pst.BinaryOpName]] = {
    "less": "greater",
    "less_eq": "greater_eq",
    "greater": "less",
    "greater_eq": "less_eq",
}
_CONTRARY: Final[dict[str, pst.BinaryOpName]] = {
    "less": "greater_eq",
    "less_eq": "greater",
    "greater": "less_eq",
    "greater_eq": "less",
}


class Sign(StrEnum):
    """Whether an expression has to be true or false."""

    TRUE = "true"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class _Demand:
    """`expr` has to come to `sign`; `node` is where that is written."""

    expr: pst.Expr
    sign: Sign
    node: pst.Expr


@dataclass(frozen=True, slots=True)
class _Told:
    """What has been demanded so far: signs of expressions, their one value, their bounds."""

    signs: dict[pst.Expr, Sign]
    values: dict[pst.Expr, pst.Expr]
    bounds: dict[pst.Expr, tuple[int, int]]

    def refuses(self, demand: _Demand) -> bool:
        """Whether `demand` contradicts one before it; it is remembered."""
        if self.signs.setdefault(demand.expr, demand.sign) is not demand.sign:
            return True
        comparison = _comparison(demand)
        if comparison is None:
            return False
        op, base, literal = comparison
        if op == "eq" and self.values.setdefault(base, literal) != literal:
            return True
        return isinstance(literal, pst.LongLit) and self._leaves_none(op, base, literal.value)

    def _leaves_none(self, op: pst.BinaryOpName, base: pst.Expr, limit: int) -> bool:
        low, high = self.bounds.get(base, (MIN_LONG, MAX_LONG))
        lows = {"eq": limit, "greater": limit + 1, "greater_eq": limit}
        highs = {"eq": limit, "less": limit - 1, "less_eq": limit}
        low, high = max(low, lows.get(op, low)), min(high, highs.get(op, high))
        self.bounds[base] = (low, high)
        return low > high


def contradictory(clauses: Iterable[pst.Clause]) -> pst.Expr | None:
    """The first expression that contradicts one before it, None where none does.

    Sound: an error is not true either, so clauses with a contradiction never all hold.
    """
    told = _Told({}, {}, {})
    for clause in clauses:
        sign = Sign.TRUE if isinstance(clause, pst.When) else Sign.FALSE
        for demand in _demands(clause.expr, sign):
            if told.refuses(demand):
                return demand.node
    return None


def _demands(expr: pst.Expr, sign: Sign) -> Iterator[_Demand]:
    """What must hold for `expr` to come to `sign`, each by itself."""
    match expr:
        case pst.UnaryOp(op="not", arg=arg):
            yield from _demands(arg, _other(sign))
        case pst.BinaryOp(op="not_eq", left=left, right=right):
            yield _Demand(pst.BinaryOp("eq", left, right), _other(sign), expr)
        case pst.BinaryOp(op="and" | "or" as op, left=left, right=right) if (op == "and") is (sign is Sign.TRUE):
            yield from _demands(left, sign)
            yield from _demands(right, sign)
        case _:
            yield _Demand(expr, sign, expr)


def _comparison(demand: _Demand) -> tuple[pst.BinaryOpName, pst.Expr, pst.Expr] | None:
    """The demand as an expression, an operator and a literal, None where it is none."""
    expr = demand.expr
    if not isinstance(expr, pst.BinaryOp) or expr.op not in {"eq", *_MIRRORED}:
        return None
    op, base, literal = expr.op, expr.left, expr.right
    if isinstance(base, _LITERALS):
        op, base, literal = _MIRRORED.get(op, op), literal, base
    if isinstance(base, _LITERALS) or not isinstance(literal, _LITERALS):
        return None
    if demand.sign is Sign.FALSE:
        return (_CONTRARY[op], base, literal) if op in _CONTRARY else None
    return op, base, literal


def _other(sign: Sign) -> Sign:
    return Sign.FALSE if sign is Sign.TRUE else Sign.TRUE
