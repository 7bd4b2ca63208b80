"""Conditions of a policy: its clauses one after the other, as Cedar takes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pdp.core.engine.cedar import pst
from pdp.core.engine.expression.interpret import Constant, Program, connected, interpret, program
from pdp.core.engine.expression.situation import Result, Situation, Truth, Truths, truths_of


@dataclass(frozen=True, slots=True)
class Part:
    """One side of a chain of `&&`, and what it comes to; None where an earlier one was already enough."""

    expr: pst.Expr
    result: Result | None


@dataclass(frozen=True, slots=True)
class ClauseTrace:
    """What a clause and its parts come to; an `unless` comes to the contrary of what stands in it."""

    clause: pst.Clause
    truths: Truths | None
    parts: tuple[Part, ...]


def condition(clauses: Sequence[pst.Clause]) -> Program:
    """The program of all of `clauses`; true where there are none."""
    programs = [program(_positive(clause)) for clause in clauses]
    whole: Program = programs[0] if programs else Constant(result=True)
    for each in programs[1:]:
        whole = connected(whole, each)
    return whole


def trace(clauses: Sequence[pst.Clause], situation: Situation) -> tuple[ClauseTrace, ...]:
    """What each of `clauses` comes to in `situation`, and why."""
    found: list[ClauseTrace] = []
    reached = True
    for clause in clauses:
        truths = truths_of(interpret(_positive(clause), situation)) if reached else None
        parts = (
            tuple(_parts(clause.expr, situation)) if reached else tuple(Part(e, None) for e in conjuncts(clause.expr))
        )
        found.append(ClauseTrace(clause, truths, parts))
        reached = truths is not None and Truth.TRUE in truths
    return tuple(found)


def conjuncts(expr: pst.Expr) -> Iterator[pst.Expr]:
    """The sides of a chain of `&&`, in the order they are taken."""
    if isinstance(expr, pst.BinaryOp) and expr.op == "and":
        yield from conjuncts(expr.left)
        yield from conjuncts(expr.right)
    else:
        yield expr


def _parts(expr: pst.Expr, situation: Situation) -> Iterator[Part]:
    reached = True
    for part in conjuncts(expr):
        result = interpret(part, situation) if reached else None
        yield Part(part, result)
        reached = result is not None and Truth.TRUE in truths_of(result)


def _positive(clause: pst.Clause) -> pst.Expr:
    return clause.expr if isinstance(clause, pst.When) else pst.UnaryOp("not", clause.expr)
