"""Statements to trees with places, where Cedar's own reader has the last word."""

from dataclasses import replace
from typing import Final

from pdp.core.engine import cedar
from pdp.core.engine.expression.tree import children
from pdp.core.engine.syntax.parser import Parsed, parse, without_places
from pdp.core.engine.syntax.problem import ExcessProblem, SyntaxProblem
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.syntax.span import Span

MAX_LEVELS: Final = 100
"""How deep the tree of a condition is at most: cedarpy converts no deeper one."""


def read_policy(statement: Statement) -> Parsed:
    """The tree of the one policy or template in `statement`, as Cedar reads it.

    Our own reader places the nodes and words the problems; what it takes and what it refuses is Cedar's to say.
    Where the two differ, the tree is Cedar's and has no places.

    Raises:
        ExcessProblem: it is over a bound.
        SyntaxProblem: Cedar cannot read it.

    """
    try:
        ours: Parsed | SyntaxProblem = parse(statement.text)
    except ExcessProblem:
        raise
    except SyntaxProblem as problem:
        ours = problem
    try:
        theirs = cedar.read_tree(statement.text)
    except ValueError as error:
        raise (ours if isinstance(ours, SyntaxProblem) else _refused(ours, error)) from None
    if isinstance(ours, Parsed) and replace(theirs, id=ours.tree.id) == ours.tree:
        return ours
    return without_places(theirs)


def _refused(parsed: Parsed, error: ValueError) -> SyntaxProblem:
    """Why Cedar refuses what we read: its bound on the depth of a tree, else in its own words."""
    deepest = _too_deep(parsed.tree)
    if deepest is None:
        return SyntaxProblem(f"Cedar cannot read this policy: {error}", Span(0, 0))
    message = f"a condition is at most {MAX_LEVELS} levels deep, and each operator of a chain is one"
    return ExcessProblem(
        f"{message}; name many values as a set: `[...].contains(...)`", parsed.span(deepest) or Span(0, 0)
    )


def _too_deep(tree: cedar.pst.Template) -> cedar.pst.Expr | None:
    waiting = [(clause.expr, 1) for clause in tree.clauses]
    while waiting:
        node, level = waiting.pop()
        if level > MAX_LEVELS:
            return node
        waiting.extend((child, level + 1) for child in children(node))
    return None
