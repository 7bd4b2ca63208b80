"""A compiled policy: its tree, and what the engine knows of it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from pdp.core.contract.record_terms import Recording
from pdp.core.engine.cedar import pst
from pdp.core.engine.dependencies import Read, context_reads
from pdp.core.engine.scope import Scope
from pdp.core.engine.syntax.source import Statement


class PolicyEffect(StrEnum):
    """What a policy does when it matches."""

    PERMIT = "permit"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a source file, from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy; `reads` are its reads of the context.

    `record` is what it has records keep of the arguments, `statement` what was written, `place` where the policy
    stands: its own statement's, or its link's.
    """

    id: str
    effect: PolicyEffect
    scope: Scope
    tree: pst.Template
    reads: frozenset[Read]
    message: str | None
    obligation: str | None
    record: Recording
    statement: Statement
    place: Place

    @property
    def clauses(self) -> tuple[pst.Clause, ...]:
        """The `when` and `unless` clauses, in order; all must hold."""
        return self.tree.clauses


def policy_of(tree: pst.Template, *, statement: Statement, place: Place) -> Policy:
    """The policy that `tree` is, under the id that its `@id` gives it."""
    identifier = tree.annotations["id"]
    return Policy(
        id=identifier,
        effect=PolicyEffect(tree.effect),
        scope=Scope(tree.principal, tree.action, tree.resource),
        tree=replace(tree, id=identifier),
        reads=context_reads(tree),
        message=tree.annotations.get("message"),
        obligation=tree.annotations.get("obligation"),
        record=Recording(tree.annotations.get("record", Recording.KEEP)),
        statement=statement,
        place=place,
    )
