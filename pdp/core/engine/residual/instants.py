"""What conditions ask of the time alone: while all of that stays the same, so does a list of tools."""

from collections.abc import Iterable, Iterator

from pdp.core.engine.cedar import pst
from pdp.core.engine.closure import principal_entities
from pdp.core.engine.expression.interpret import Program, program
from pdp.core.engine.expression.situation import Situation, Truths, Unknown, truths_of
from pdp.core.engine.expression.tree import children
from pdp.core.engine.expression.value import RecordValue, value_of
from pdp.core.engine.policy import Policy
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.residual.atoms import reads_arguments
from pdp.core.engine.residual.stage import Stage, evaluated
from pdp.core.engine.view import Seen


class Instants:
    """The questions of the time in policies."""

    def __init__(self, policies: Iterable[Policy], *, stage: Stage) -> None:
        self._stage = stage
        asked = [atom for policy in policies for clause in policy.clauses for atom in _atoms(clause.expr)]
        self._programs: tuple[Program, ...] = tuple(program(atom) for atom in dict.fromkeys(asked))
        self._lasting = not any(_reads_more(atom) for atom in asked)

    def phase(self, access: AccessRequest, seen: Seen) -> tuple[Truths, ...] | None:
        """The answers for `access`; None when they may differ from tool to tool."""
        if not self._lasting:
            return None
        if not self._programs:
            return ()
        definitions = principal_entities(access)
        context = RecordValue({name: value_of(form) for name, form in seen.value.items()})
        entities = {**self._stage.entities, **evaluated(definitions)}
        known = Situation(definitions[0].uid, Unknown(), Unknown(), context, entities)
        return tuple(truths_of(each(known)) for each in self._programs)


def _atoms(expr: pst.Expr) -> Iterator[pst.Expr]:
    """The parts of a condition that read the time and that no connective makes up."""
    if not _reads_now(expr):
        return
    match expr:
        case pst.UnaryOp(op="not", arg=arg):
            yield from _atoms(arg)
        case pst.BinaryOp(op="and" | "or", left=left, right=right):
            yield from _atoms(left)
            yield from _atoms(right)
        case pst.IfThenElse(cond=cond, then_expr=then_expr, else_expr=else_expr):
            for each in (cond, then_expr, else_expr):
                yield from _atoms(each)
        case _:
            yield expr


def _reads_now(expr: pst.Expr) -> bool:
    match expr:
        case pst.Var(name="context"):
            return True
        case pst.GetAttr(base=pst.Var(name="context"), attr=attr):
            return attr == "now"
        case pst.HasAttr(base=pst.Var(name="context")):
            return False
        case _:
            return any(_reads_now(child) for child in children(expr))


def _reads_more(expr: pst.Expr) -> bool:
    """Whether it depends on the tool or its arguments too."""
    return reads_arguments(expr) or _names_tool(expr)


def _names_tool(expr: pst.Expr) -> bool:
    if isinstance(expr, pst.Var):
        return expr.name in {"resource", "action"}
    return any(_names_tool(child) for child in children(expr))
