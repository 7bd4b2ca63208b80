"""What a condition asks of arguments: which values it can tell apart at each place."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pdp.core.engine.cedar import pst
from pdp.core.engine.expression.interpret import Program, program
from pdp.core.engine.expression.pattern import Pattern
from pdp.core.engine.expression.tree import children

Place: TypeAlias = tuple[str, ...]
"""Names of attributes from `context.arguments` on; () is all of it."""

_ARGUMENTS: Final = "arguments"
_LINKING: Final = frozenset(
    {"eq", "not_eq", "less", "less_eq", "greater", "greater_eq"}
    | {f"decimal_{order}" for order in ("less_than", "less_eq", "greater", "greater_eq")}
)
_RELATIONS: Final = _LINKING | {"contains", "contains_all", "contains_any"}


@dataclass(frozen=True, slots=True)
class Step:
    """One arithmetic operation on the way from a place to a value; `by` is None for a negation."""

    op: str
    by: Program | None


@dataclass(frozen=True, slots=True)
class Flow:
    """A place whose value, after `steps`, an expression may come to."""

    place: Place
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A value that comes from a place is held against one that no argument has a part in, or only calculated."""

    flow: Flow
    other: Program | None


@dataclass(slots=True)
class Atoms:
    """All that a condition asks of arguments.

    `linked` are pairs of places held against each other. At the places in `odd` it asks what is none
    of this; `hints` are the texts and numbers it names there.
    """

    compared: list[Compared] = field(default_factory=list)
    matched: list[tuple[Place, Pattern]] = field(default_factory=list)
    linked: list[tuple[Place, Place]] = field(default_factory=list)
    odd: set[Place] = field(default_factory=set)
    hints: set[str | int] = field(default_factory=set)


def atoms_of(clauses: Iterable[pst.Clause]) -> Atoms:
    """What `clauses` ask of arguments."""
    reader = _Reader()
    for clause in clauses:
        reader.condition(clause.expr)
    return reader.atoms


def reads_arguments(expr: pst.Expr) -> bool:
    """Whether an argument has a part in what `expr` comes to."""
    match expr:
        case pst.Var(name="context"):
            return True
        case pst.GetAttr(base=pst.Var(name="context"), attr=attr):
            return attr == _ARGUMENTS
        case pst.HasAttr(base=pst.Var(name="context"), attrs=attrs):
            return attrs[0] == _ARGUMENTS and len(attrs) > 1
        case _:
            return any(reads_arguments(child) for child in children(expr))


def place_of(expr: pst.Expr) -> Place | None:
    """The place in the arguments that `expr` names."""
    match expr:
        case pst.GetAttr(base=pst.Var(name="context"), attr="arguments"):
            return ()
        case pst.GetAttr(base=base, attr=attr):
            place = place_of(base)
            return None if place is None else (*place, attr)
        case _:
            return None


class _Reader:
    def __init__(self) -> None:
        self.atoms = Atoms()

    def condition(self, expr: pst.Expr) -> None:
        """Reads an expression that is true or false."""
        if not reads_arguments(expr):
            return
        match expr:
            case pst.UnaryOp(op="not", arg=arg):
                self.condition(arg)
            case pst.BinaryOp(op="and" | "or", left=left, right=right):
                self.condition(left)
                self.condition(right)
            case pst.IfThenElse(cond=cond, then_expr=then_expr, else_expr=else_expr):
                for each in (cond, then_expr, else_expr):
                    self.condition(each)
            case _:
                self._atom(expr)

    def _atom(self, expr: pst.Expr) -> None:
        match expr:
            case pst.HasAttr(base=base) if base == pst.Var("context") or place_of(base) is not None:
                pass
            case pst.GetAttr():
                self._flows(expr)
            case pst.Like(base=base, pattern=pattern):
                self.atoms.matched += [(flow.place, Pattern.of(pattern)) for flow in self._flows(base)]
            case pst.UnaryOp(op="is_empty", arg=arg):
                self._flows(arg)
            case pst.BinaryOp(op=op, left=left, right=right) if op in _RELATIONS:
                self._relation(op, left, right)
            case _:
                self._odd(expr)

    def _relation(self, op: str, left: pst.Expr, right: pst.Expr) -> None:
        for one, other in ((left, right), (right, left)):
            if not reads_arguments(other):
                self._compared(one, other)
                return
        flows = self._flows(left), self._flows(right)
        if op not in _LINKING or any(flow.steps for side in flows for flow in side):
            self._odd(left)
            self._odd(right)
            return
        self.atoms.linked += [(one.place, other.place) for one in flows[0] for other in flows[1]]

    def _compared(self, expr: pst.Expr, other: pst.Expr) -> None:
        odd = len(self.atoms.odd)
        against = program(other)
        self.atoms.compared += [Compared(flow, against) for flow in self._flows(expr)]
        if len(self.atoms.odd) > odd:
            self._odd(other)

    def _flows(self, expr: pst.Expr) -> list[Flow]:
        """The places whose values `expr` may come to, what it asks on the way being read."""
        place = place_of(expr)
        if place is not None:
            return [Flow(place)]
        if not reads_arguments(expr):
            return []
        match expr:
            case pst.IfThenElse(cond=cond, then_expr=then_expr, else_expr=else_expr):
                self.condition(cond)
                return [*self._flows(then_expr), *self._flows(else_expr)]
            case pst.GetAttr(base=pst.Record(fields=fields), attr=attr):
                flows = {name: self._flows(each) for name, each in fields.items()}
                return flows.get(attr, [])
            case pst.Set(elements=elements):
                return [flow for element in elements for flow in self._flows(element)]
            case pst.UnaryOp(op="neg", arg=arg):
                return self._stepped(arg, Step("neg", None))
            case pst.BinaryOp(op="add" | "sub" | "mul" as op, left=left, right=right):
                return self._calculated(op, left, right)
            case pst.GetAttr() | pst.Record() | pst.UnaryOp(op="decimal" | "ip" | "datetime" | "duration"):
                self._odd(expr)
                return []
            case _:
                self.condition(expr)
                return []

    def _calculated(self, op: str, left: pst.Expr, right: pst.Expr) -> list[Flow]:
        if not reads_arguments(right):
            return self._stepped(left, Step(op, program(right)))
        if not reads_arguments(left):
            steps = (Step("neg", None), Step("add", program(left))) if op == "sub" else (Step(op, program(left)),)
            return self._stepped(right, *steps)
        self._odd(left)
        self._odd(right)
        return []

    def _stepped(self, expr: pst.Expr, *steps: Step) -> list[Flow]:
        found = [Flow(flow.place, (*flow.steps, *steps)) for flow in self._flows(expr)]
        self.atoms.compared += [Compared(flow, None) for flow in found]
        return found

    def _odd(self, expr: pst.Expr) -> None:
        place = place_of(expr)
        if place is not None or expr == pst.Var("context"):
            self.atoms.odd.add(place or ())
            return
        if isinstance(expr, pst.StringLit | pst.LongLit):
            self.atoms.hints.add(expr.value)
        for child in children(expr):
            self._odd(child)
