"""A policy examined once: its condition as a program, and what the outcome can depend on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pdp.core.engine.cedar import pst
from pdp.core.engine.dependencies import Read
from pdp.core.engine.expression.condition import condition
from pdp.core.engine.expression.interpret import Program
from pdp.core.engine.expression.tree import children
from pdp.core.engine.policy import Policy, PolicyEffect
from pdp.core.engine.residual.atoms import Atoms, atoms_of
from pdp.core.engine.view import ARGUMENTS


@dataclass(frozen=True, slots=True, eq=False)
class Company:
    """The policies that fit a tool: all they read of arguments and of the tool; None is everything."""

    fitting: tuple["Examined", ...]
    reads: frozenset[Read]
    arguments: tuple[str, ...] | None
    traits: tuple[str, ...] | None

    @staticmethod
    def of(fitting: Sequence["Examined"]) -> "Company":
        """The company of `fitting`."""
        return Company(
            tuple(fitting),
            frozenset(read for one in fitting for read in one.reads),
            _all_of([one.arguments for one in fitting]),
            _all_of([one.traits for one in fitting]),
        )


class Examined:
    """What the listing of tools needs to know of a policy; found out when it is asked for, or by `prepare`."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.id = policy.id
        self.effect: PolicyEffect = policy.effect
        self.reads: tuple[Read, ...] = tuple(read for read in policy.reads if read.path[:1] in {(), (ARGUMENTS,)})
        paths = [read.path for read in self.reads]
        whole = any(len(path) < 2 for path in paths)  # noqa: PLR2004
        self.arguments: tuple[str, ...] | None = None if whole else tuple(sorted({path[1] for path in paths}))

    def prepare(self) -> None:
        """Find all of it out now."""
        _ = self.program, self.atoms, self.traits, self.is_of_arguments

    @cached_property
    def program(self) -> Program:
        """The condition."""
        return condition(self.policy.clauses)

    @cached_property
    def atoms(self) -> Atoms:
        """What the condition asks of arguments."""
        return atoms_of(self.policy.clauses)

    @cached_property
    def traits(self) -> tuple[str, ...] | None:
        """The attributes of the tool that the condition reads; None when it names the tool or its action as such."""
        found = {trait for clause in self.policy.clauses for trait in _traits(clause.expr)}
        return None if None in found else tuple(sorted(trait for trait in found if trait is not None))

    @cached_property
    def is_of_arguments(self) -> bool:
        """Whether the condition reads nothing but arguments: not the tool, not who asks."""
        asks = any(_asks(clause.expr) for clause in self.policy.clauses)
        named = all(read.path for read in self.reads) and len(self.reads) == len(self.policy.reads)
        return self.traits == () and named and not asks


def _asks(expr: pst.Expr) -> bool:
    """Whether `expr` reads the principal, or looks an entity up."""
    if isinstance(expr, pst.Var | pst.EntityLit):
        return expr != pst.Var("context")
    return any(_asks(child) for child in children(expr))


def _all_of(parts: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [part for part in parts if part is not None]
    return tuple(sorted({name for part in known for name in part})) if len(known) == len(parts) else None


def _traits(expr: pst.Expr) -> Iterator[str | None]:
    match expr:
        case pst.GetAttr(base=pst.Var(name="resource"), attr=attr):
            yield attr
        case pst.HasAttr(base=pst.Var(name="resource"), attrs=attrs):
            yield attrs[0]
        case pst.Var(name="resource" | "action"):
            yield None
        case _:
            for child in children(expr):
                yield from _traits(child)
