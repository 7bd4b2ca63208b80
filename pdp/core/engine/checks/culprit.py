"""The smallest expression that Cedar objects to; its validation says what is wrong, and not where.

Each part of a condition is validated by itself, compared with itself, behind what Cedar knows to hold when
it gets there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.subject import Node, walk
from pdp.core.engine.expression.tree import children
from pdp.core.engine.syntax.parser import Parsed
from pdp.core.engine.syntax.source import excess_of

Says: TypeAlias = Callable[[str], list[str]]
"""What strict validation says of the text of one policy."""

_TRIALS: Final = 300
"""Validations for one policy: enough for the parts of a hundred expressions."""


class Trials(StrEnum):
    """Whether validation is tried on parts of the policy."""

    MANY = "many"
    NONE = "none"


_Guard: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """An expression, and what holds when it is evaluated."""

    node: pst.Expr
    guard: _Guard


class CulpritSearch:
    """Finds where in one policy its objections arise."""

    def __init__(self, parsed: Parsed, *, text: str, says: Says, trials: Trials) -> None:
        self._parsed = parsed
        self._clauses = parsed.tree.clauses
        self._source = text
        self._says = says
        self._left = _TRIALS if trials is Trials.MANY else 0
        self._said: dict[str, list[str]] = {}

    def find(self, raw: str, *, name: str | None) -> list[Node]:
        """Where Cedar says `raw`, which names the attribute `name`; the policy as a whole where that is not known."""
        candidates = self._reading(name) if name is not None else []
        if len(candidates) == 1:
            return candidates
        found = [node for step in self._steps() for node in self._within(step, raw)]
        found = found or [step.node for step in self._steps() if self._is_refused(step, raw)]
        return found or candidates[:1] or [None]

    def _reading(self, name: str | None) -> list[Node]:
        """The expressions that ask for attribute `name`, of the last step of its path."""
        last = str(name).rpartition(".")[2]
        exprs = (expr for clause in self._clauses for expr in walk(clause.expr))
        return [
            expr
            for expr in exprs
            if (isinstance(expr, pst.GetAttr) and expr.attr == last)
            or (isinstance(expr, pst.HasAttr) and last in expr.attrs)
        ]

    def _steps(self) -> Iterator[_Step]:
        guard: _Guard = ()
        for clause in self._clauses:
            yield _Step(clause.expr, guard)
            text = self._text(clause.expr)
            if text is not None:
                guard = (*guard, text if isinstance(clause, pst.When) else f"!({text})")

    def _within(self, step: _Step, raw: str) -> list[Node]:
        if not self._arises(step, raw):
            return []
        return [node for part in self._parts(step) for node in self._within(part, raw)] or [step.node]

    def _parts(self, step: _Step) -> Iterator[_Step]:
        """The expressions within, each with what holds when Cedar gets to it."""
        node, guard = step.node, step.guard
        match node:
            case pst.BinaryOp(op="and" | "or" as op, left=left, right=right):
                text = self._text(left)
                yield _Step(left, guard)
                if text is not None:
                    yield _Step(right, (*guard, text if op == "and" else f"!({text})"))
            case pst.IfThenElse(cond=cond, then_expr=then_expr, else_expr=else_expr):
                text = self._text(cond)
                yield _Step(cond, guard)
                if text is not None:
                    yield _Step(then_expr, (*guard, text))
                    yield _Step(else_expr, (*guard, f"!({text})"))
            case _:
                for child in children(node):
                    yield _Step(child, guard)

    def _is_refused(self, step: _Step, raw: str) -> bool:
        """Whether `raw` is said of a condition as a whole, and of none of its parts."""
        text = self._text(step.node)
        bare = _joined(step.guard)
        return text is not None and self._count(f"{bare} && ({text})", raw) > self._count(bare, raw)

    def _arises(self, step: _Step, raw: str) -> bool:
        """Whether `raw` is said more often with the expression than without it."""
        text = self._text(step.node)
        if text is None:
            return False
        bare = _joined(step.guard)
        return self._count(f"{bare} && (({text}) == ({text}))", raw) > self._count(bare, raw)

    def _count(self, condition: str, raw: str) -> int:
        said = self._said.get(condition)
        if said is None:
            policy = f"{self._head()} when {{ {condition} }};"
            self._left -= 1
            said = self._says(policy) if self._left > 0 and excess_of(policy) is None else []
            self._said[condition] = said
        return said.count(raw)

    def _head(self) -> str:
        first = self._parsed.span(self._clauses[0])
        return self._source[: first.start if first is not None else 0]

    def _text(self, node: pst.Expr) -> str | None:
        span = self._parsed.span(node)
        return None if span is None else self._source[span.start : span.end]


def _joined(guard: _Guard) -> str:
    return " && ".join(f"({part})" for part in (*guard, "true"))
