"""Step-up: with which scopes a denied call would be allowed (MCP authorization, "Scope Challenge Handling")."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.dependencies import path_of
from pdp.core.engine.expression.tree import children

MAX_NAMED: Final = 32
"""Where policies name more scopes than this for one call, none is looked for: each costs an evaluation."""

_SCOPES: Final = ("scopes",)
_MEMBERSHIP: Final = frozenset({"contains", "contains_all", "contains_any"})


def named_scopes(policies: Iterable[pst.Template]) -> frozenset[str]:
    """Every scope that one of `policies` looks for in `context.scopes`."""
    return frozenset(name for policy in policies for clause in policy.clauses for name in _named(clause.expr))


def scopes_needed(
    named: AbstractSet[str],
    *,
    held: AbstractSet[str],
    required: AbstractSet[str],
    allows: Callable[[AbstractSet[str]], bool],
) -> frozenset[str] | None:
    """A least set of scopes with which `allows` holds, all of `required` in it; None where more scopes do not help.

    `named` are those that policies look for. The set has also those of `held` that the call needs, since a
    client asks for all that it is told of; what was not granted yet is given up first.
    """
    most = frozenset(held | required | named)
    if len(named) > MAX_NAMED or not allows(most):
        return None
    new, unnamed, granted = named - held - required, held - named - required, (named & held) - required
    needed = most
    for part in ({scope} for scope in sorted(new)), (unnamed,), ({scope} for scope in sorted(granted)):
        for given_up in part:
            if given_up and allows(needed - given_up):
                needed -= given_up
    # A client keeps what it was granted, so the new scopes must help beside the old ones.
    return needed if needed - held and allows(needed | held) else None


def _named(expr: pst.Expr) -> Iterator[str]:
    if isinstance(expr, pst.BinaryOp) and expr.op in _MEMBERSHIP and path_of(expr.left) == _SCOPES:
        parts = expr.right.elements if isinstance(expr.right, pst.Set) else (expr.right,)
        yield from (part.value for part in parts if isinstance(part, pst.StringLit))
        return
    for child in children(expr):
        yield from _named(child)
