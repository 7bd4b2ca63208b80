"""Attributes of principals that no claims mapping declares: a `forbid` with a mistyped one would forbid nothing.

Cedar's validation tells of those that are read, and takes a `has` of one for a question that is always answered no.
"""

from collections.abc import Iterator
from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.subject import Subject, walk
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.vocabulary import Vocabulary

_PRINCIPAL: Final = pst.Var("principal")


def unknown_attributes(subject: Subject, *, vocabulary: Vocabulary, suggestions: Suggestions) -> list[Finding]:
    """A finding for each attribute that a condition asks for and no principal can have, where it does so first."""
    found: dict[str, Finding] = {}
    for name, node in _asked(subject):
        if name not in vocabulary.attributes:
            near = suggestions.for_name(name, among=vocabulary.attributes)
            message = f"the claims mapping declares no attribute `{name}` of principals{near}"
            found.setdefault(name, Finding(Code.NAME_UNKNOWN, message, node))
    return list(found.values())


def _asked(subject: Subject) -> Iterator[tuple[str, pst.Expr]]:
    for clause in subject.tree.clauses:
        for expr in walk(clause.expr):
            if isinstance(expr, pst.HasAttr) and expr.base == _PRINCIPAL:
                yield expr.attrs[0], expr
