"""What a policy reads of the context; `has` is a read, and so is the use of a whole record."""

from collections.abc import Iterator

from pdp.core.engine.cedar import pst


def context_reads(policy: pst.Template) -> frozenset[tuple[str, ...]]:
    """The paths of context attributes that `policy` may read, each the longest one it names."""
    return frozenset(path for clause in policy.clauses for path in _reads(clause.expr))


def _reads(expr: pst.Expr) -> Iterator[tuple[str, ...]]:
    path = _path(expr)
    if path is not None:
        yield path
        return
    for child in _children(expr):
        yield from _reads(child)


def _path(expr: pst.Expr) -> tuple[str, ...] | None:
    match expr:
        case pst.Var(name="context"):
            return ()
        case pst.GetAttr(base=base, attr=attr):
            path = _path(base)
            return None if path is None else (*path, attr)
        case pst.HasAttr(base=base, attrs=attrs):
            path = _path(base)
            return None if path is None else (*path, *attrs)
        case _:
            return None


def _children(expr: pst.Expr) -> tuple[pst.Expr, ...]:
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
