"""Questions about users, agents and groups that a policy names: of principals, who asks alone is known."""

from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.names import PRINCIPALS
from pdp.core.engine.checks.subject import Subject, walk


def strangers(subject: Subject) -> list[Finding]:
    """A finding for each named principal of which a condition asks what it is in, or has, where it does so first."""
    found: dict[pst.EntityUid, Finding] = {}
    for clause in subject.tree.clauses:
        for expr in walk(clause.expr):
            asked = _asked(expr)
            if isinstance(asked, pst.EntityLit) and str(asked.value.type) in PRINCIPALS:
                message = f"what `{asked.value.id}` is in, or has, is known only when it asks: write `principal`"
                found.setdefault(asked.value, Finding(Code.ENTITY_UNKNOWN, message, expr))
    return list(found.values())


def _asked(expr: pst.Expr) -> pst.Expr | None:
    """What `expr` asks after parents, attributes or tags of."""
    match expr:
        case pst.BinaryOp(op="in" | "get_tag" | "has_tag", left=left):
            return left
        case pst.GetAttr(base=base) | pst.HasAttr(base=base):
            return base
        case pst.Is(base=base, in_expr=in_expr) if in_expr is not None:
            return base
        case _:
            return None
