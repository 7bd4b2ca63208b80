"""Texts that a policy holds against `resource.risk` and `resource.tags`, and that no tool's can be."""

from collections.abc import Collection, Iterator
from typing import Final

from pdp.core.catalog.tool import RiskLevel
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.subject import Subject, walk
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.vocabulary import TOOL, Vocabulary
from pdp.core.engine.expression.pattern import Pattern

_RISKS: Final = tuple(level.value for level in RiskLevel)
_RISK: Final = "risk"
_TAGS: Final = "tags"
_HELD: Final = frozenset({"eq", "not_eq", "contains", "contains_all", "contains_any"})


def unknown_ratings(subject: Subject, *, vocabulary: Vocabulary, suggestions: Suggestions) -> Iterator[Finding]:
    """A finding for each such text."""
    for clause in subject.tree.clauses:
        for expr in walk(clause.expr):
            for text in _texts(expr, _RISK):
                if text.value not in _RISKS:
                    yield _unknown(text, f"there is no risk `{text.value}`", _RISKS, suggestions)
            for text in _texts(expr, _TAGS):
                if text.value not in vocabulary.tags:
                    yield _unknown(
                        text, f"no tool in the catalog has the tag `{text.value}`", vocabulary.tags, suggestions
                    )
            if isinstance(expr, pst.Like) and _is_of_tool(expr.base, _RISK):
                pattern = Pattern.of(expr.pattern)
                if not any(pattern.matches(level) for level in _RISKS):
                    yield Finding(Code.NAME_UNKNOWN, "no risk matches this pattern", expr)


def _unknown(text: pst.StringLit, message: str, known: Collection[str], suggestions: Suggestions) -> Finding:
    return Finding(Code.NAME_UNKNOWN, f"{message}{suggestions.for_name(text.value, among=known)}", text)


def _texts(expr: pst.Expr, attribute: str) -> Iterator[pst.StringLit]:
    """The texts that `expr` holds against that attribute of a tool."""
    if not isinstance(expr, pst.BinaryOp) or expr.op not in _HELD:
        return
    for one, other in ((expr.left, expr.right), (expr.right, expr.left)):
        if _is_of_tool(one, attribute):
            elements = other.elements if isinstance(other, pst.Set) else (other,)
            yield from (element for element in elements if isinstance(element, pst.StringLit))


def _is_of_tool(expr: pst.Expr, attribute: str) -> bool:
    match expr:
        case pst.GetAttr(base=pst.Var(name="resource"), attr=attr):
            return attr == attribute
        case pst.GetAttr(base=pst.EntityLit(value=value), attr=attr):
            return attr == attribute and str(value.type) == TOOL
        case _:
            return False
