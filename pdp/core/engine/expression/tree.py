"""Trees of Cedar expressions."""

from collections.abc import Iterator

from pdp.core.engine.cedar import EntityUid, pst


def children(expr: pst.Expr) -> tuple[pst.Expr, ...]:
    """The expressions that `expr` is made of, one level down."""
    match expr:
        case pst.Var() | pst.Slot() | pst.BoolLit() | pst.LongLit() | pst.StringLit() | pst.EntityLit():
            return ()
        case pst.UnaryOp(arg=arg):
            return (arg,)
        case pst.BinaryOp(left=left, right=right):
            return (left, right)
        case pst.GetAttr(base=base) | pst.HasAttr(base=base) | pst.Like(base=base):
            return (base,)
        case pst.Is(base=base, in_expr=in_expr):
            return (base,) if in_expr is None else (base, in_expr)
        case pst.IfThenElse(cond=cond, then_expr=then_expr, else_expr=else_expr):
            return (cond, then_expr, else_expr)
        case pst.Set(elements=elements):
            return elements
        case pst.Record(fields=fields):
            return tuple(fields.values())


def literals(expr: pst.Expr) -> Iterator[EntityUid]:
    """The entities that `expr` names."""
    if isinstance(expr, pst.EntityLit):
        yield EntityUid(str(expr.value.type), expr.value.id)
    for child in children(expr):
        yield from literals(child)
