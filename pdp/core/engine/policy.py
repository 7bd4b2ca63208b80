"""A compiled policy: what the engine knows of it besides Cedar's handle."""

from dataclasses import dataclass
from enum import StrEnum

from pdp.core.engine.dependencies import Read
from pdp.core.engine.scope import Scope


class PolicyEffect(StrEnum):
    """What a policy does when it matches."""

    PERMIT = "permit"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy; `reads` are its reads of the context."""

    id: str
    effect: PolicyEffect
    scope: Scope
    reads: frozenset[Read]
    conditions: "Conditions"
    message: str | None
    obligation: str | None
    file: str
    line: int


class Conditions(StrEnum):
    """Whether a policy has `when` or `unless` clauses."""

    NONE = "none"
    SOME = "some"
