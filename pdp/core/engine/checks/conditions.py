"""Conditions that hold never or always, whatever the request."""

from dataclasses import dataclass
from enum import StrEnum

from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.contradiction import contradictory
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.subject import Node
from pdp.core.engine.expression.condition import condition, conjuncts
from pdp.core.engine.expression.interpret import interpret
from pdp.core.engine.expression.situation import ANYTHING, Truth, truths_of


class Holding(StrEnum):
    """For which of the requests in a policy's scope its conditions hold, as far as that is clear without one."""

    SOME = "some"
    NONE = "none"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Judged:
    """For which requests conditions hold, and what is to be said about that."""

    holding: Holding
    findings: tuple[Finding, ...] = ()


def judge(tree: pst.Template) -> Judged:
    """For which requests the conditions of `tree` hold."""
    clauses = tree.clauses
    if not clauses:
        return Judged(Holding.ALL)
    against = contradictory(clauses)
    if against is not None:
        message = "this contradicts another condition, so no request matches"
        return Judged(Holding.NONE, (Finding(Code.NEVER_MATCHES, message, against),))
    truths = truths_of(condition(clauses)(ANYTHING))
    if Truth.TRUE not in truths:
        why = "is never true" if Truth.FALSE in truths else "fails for every request"
        message = f"this {why}, so no request matches"
        return Judged(Holding.NONE, (Finding(Code.NEVER_MATCHES, message, _never(clauses)),))
    if Truth.FALSE not in truths or all(_is_tautology(clause) for clause in clauses):
        message = "the conditions hold for every request in the scope"
        return Judged(Holding.ALL, (Finding(Code.ALWAYS_MATCHES, message, clauses[0]),))
    return Judged(Holding.SOME)


def _never(clauses: tuple[pst.Clause, ...]) -> Node:
    """The first part that is never true by itself, else the first clause."""
    for clause in clauses:
        for part in conjuncts(clause.expr) if isinstance(clause, pst.When) else ():
            if Truth.TRUE not in truths_of(interpret(part, ANYTHING)):
                return part
        if isinstance(clause, pst.Unless) and Truth.FALSE not in truths_of(interpret(clause.expr, ANYTHING)):
            return clause.expr
    return clauses[0]


def _is_tautology(clause: pst.Clause) -> bool:
    """Whether the clause cannot be false: its contrary contradicts itself."""
    expr, when = clause.expr, isinstance(clause, pst.When)
    if not isinstance(expr, pst.BinaryOp) or expr.op != ("or" if when else "and"):
        return False
    return contradictory([pst.Unless(expr) if when else pst.When(expr)]) is not None
