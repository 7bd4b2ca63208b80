"""How long a decision holds: up to the next instant at which a comparison with `context.now` can flip.

Followed exactly: `now` against a literal datetime, its date against one, its time of day against a
literal duration, and `now` less or plus a literal. Any other use of `now` lasts for its instant alone.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from pdp.core.engine.cedar import pst
from pdp.core.engine.expression.extension import ExtensionError, Instant, Span, datetime, duration
from pdp.core.engine.expression.tree import children

Flip: TypeAlias = Callable[[int], float]
"""The next Unix time after the given one, both in ms, at which an answer can change."""

_DAY: Final = 86_400_000
_ORDER: Final = frozenset({"eq", "not_eq", "less", "less_eq", "greater", "greater_eq"})
_READERS: Final[Mapping[str, Callable[[str], Instant | Span]]] = {"datetime": datetime, "duration": duration}
_CONTEXT: Final = pst.Var("context")
_NOW: Final = pst.GetAttr(_CONTEXT, "now")


def flips_of(policies: Iterable[pst.Template]) -> tuple[Flip, ...]:
    """Every way in which time alone can change what `policies` say; none when they read no clock."""
    return tuple(flip for policy in policies for clause in policy.clauses for flip in _flips(clause.expr))


def next_flip(flips: Iterable[Flip], *, now: float) -> float:
    """The first Unix time after `now`, in seconds, at which one of `flips` can change an answer; inf when none does."""
    instant = math.floor(now * 1000)
    return min((flip(instant) for flip in flips), default=math.inf) / 1000


def _flips(expr: pst.Expr) -> Iterator[Flip]:
    if expr in (_NOW, _CONTEXT):
        yield _at_once
        return
    known = _comparison(expr) if isinstance(expr, pst.BinaryOp) and expr.op in _ORDER else None
    if known is not None:
        yield known
        return
    for child in _parts(expr):
        yield from _flips(child)


def _parts(expr: pst.Expr) -> tuple[pst.Expr, ...]:
    """The children that can read the clock: a path through the context that is not `now` reads something else."""
    if isinstance(expr, pst.GetAttr | pst.HasAttr) and expr.base == _CONTEXT:
        return ()
    return children(expr)


def _comparison(expr: pst.BinaryOp) -> Flip | None:
    for clock, literal in ((expr.left, expr.right), (expr.right, expr.left)):
        flip = _compared(clock, literal)
        if flip is not None:
            return flip
    return None


def _compared(clock: pst.Expr, literal: pst.Expr) -> Flip | None:
    match clock:
        case pst.GetAttr() if clock == _NOW:
            at = _milliseconds("datetime", literal)
            return None if at is None else _once(at)
        case pst.UnaryOp(op="to_date", arg=arg) if arg == _NOW:
            return None if _milliseconds("datetime", literal) is None else _midnight
        case pst.UnaryOp(op="to_time", arg=arg) if arg == _NOW:
            of_day = _milliseconds("duration", literal)
            return None if of_day is None else _daily(of_day)
        case pst.BinaryOp(op="offset", left=left, right=right) if left == _NOW:
            return _shifted(literal, "datetime", right, "duration", sign=-1)
        case pst.BinaryOp(op="duration_since", left=left, right=right) if left == _NOW:
            return _shifted(literal, "duration", right, "datetime", sign=1)
        case _:
            return None


def _shifted(literal: pst.Expr, kind: str, shift: pst.Expr, kind_of_shift: str, *, sign: int) -> Flip | None:
    at, by = _milliseconds(kind, literal), _milliseconds(kind_of_shift, shift)
    return None if at is None or by is None else _once(at + sign * by)


def _milliseconds(kind: str, expr: pst.Expr) -> int | None:
    """The literal datetime as Unix time, or the literal duration; None when `expr` is no such literal."""
    if not isinstance(expr, pst.UnaryOp) or expr.op != kind or not isinstance(expr.arg, pst.StringLit):
        return None
    try:
        return _READERS[kind](expr.arg.value).ms
    except ExtensionError:
        return None


def _at_once(instant: int) -> float:
    return instant


def _once(at: int) -> Flip:
    """An order against `at` changes when `at` is reached, and, for `<=` and `==`, when it is over."""
    return lambda instant: next((edge for edge in (at, at + 1) if edge > instant), math.inf)


def _midnight(instant: int) -> float:
    return (instant // _DAY + 1) * _DAY


def _daily(of_day: int) -> Flip:
    def flip(instant: int) -> float:
        today = instant // _DAY * _DAY
        edges = (start + edge for start in (today, today + _DAY) for edge in (0, of_day, of_day + 1))
        return min(edge for edge in edges if edge > instant)

    return flip
