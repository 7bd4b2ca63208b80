"""What a policy reads of the context; `has` is a read, and so is the use of a whole record."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pdp.core.engine.cedar import pst
from pdp.core.engine.expression.tree import children

Path: TypeAlias = tuple[str, ...]


class Reading(StrEnum):
    """What of a place is read: its value with all its parts, or only whether there is one."""

    VALUE = "value"
    PRESENCE = "presence"


@dataclass(frozen=True, slots=True)
class Read:
    """One place in the context; () is all of it."""

    path: Path
    reading: Reading

    def touches(self, place: Path) -> bool:
        """Whether another value at `place`, or one more or less there, can be noticed by this read."""
        if self.reading is Reading.PRESENCE:
            return self.path[: len(place)] == place
        shared = min(len(self.path), len(place))
        return self.path[:shared] == place[:shared]


def context_reads(policy: pst.Template) -> frozenset[Read]:
    """Every read of the context that evaluating `policy` may do, each of the longest path it names."""
    return frozenset(read for clause in policy.clauses for read in reads_of(clause.expr))


def reads_of(expr: pst.Expr) -> Iterator[Read]:
    """Every read of the context that evaluating `expr` may do."""
    read = read_of(expr)
    if read is not None:
        yield read
        return
    for child in children(expr):
        yield from reads_of(child)


def read_of(expr: pst.Expr) -> Read | None:
    """The read of the context that `expr` itself is, of the longest path it names; None when it is none."""
    if isinstance(expr, pst.HasAttr):
        path = path_of(expr.base)
        return None if path is None else Read((*path, *expr.attrs), Reading.PRESENCE)
    path = path_of(expr)
    return None if path is None else Read(path, Reading.VALUE)


def path_of(expr: pst.Expr) -> Path | None:
    """The place in the context that `expr` names, () for all of it; None when it names none."""
    match expr:
        case pst.Var(name="context"):
            return ()
        case pst.GetAttr(base=base, attr=attr):
            path = path_of(base)
            return None if path is None else (*path, attr)
        case _:
            return None
