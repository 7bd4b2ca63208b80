"""What a file of policy tests may say."""

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect
from pdp.core.identity.principal import PrincipalType

Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Seen: TypeAlias = Text | UnsetType | None


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of the file; a member that it does not name is refused."""


class PrincipalEntry(_Entry, frozen=True):
    """A principal as the claims mapping makes one; every id carries its issuer's alias (`dev|alice`)."""

    type: PrincipalType
    id: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenant: str | None = None
    attributes: dict[str, Any] = {}
    scopes: tuple[str, ...] = ()
    actor: str | None = None
    delegation: tuple[str, ...] = ()


class SeenEntry(_Entry, frozen=True):
    """What the host sees of a caller; null is absence, against a default."""

    now: Seen = UNSET
    ip: Seen = UNSET
    transport: Seen = UNSET
    session: Seen = UNSET
    enforcer: Seen = UNSET


class Definition(StrEnum):
    """Which definition of a tool its server offers when it is called."""

    APPROVED = "approved"
    CHANGED = "changed"
    UNSEEN = "unseen"
    """Nobody looked, as with an enforcer that compares no definitions."""


class CaseEntry(SeenEntry, frozen=True, kw_only=True):
    """One case: a `call`, or `list: true`."""

    name: Text
    principal: str
    expect: dict[str, Any]
    call: str | UnsetType = UNSET
    list: Literal[True] | UnsetType = UNSET
    arguments: dict[str, Any] | UnsetType = UNSET
    definition: Definition | UnsetType = UNSET


class ExpectedDecision(_Entry, frozen=True):
    """What a call is answered; what is not named is not compared, but for `obligations`.

    `message` is what the caller reads, `scopes` all that the call needs where one is missing. `policies`
    are all that determine the decision, and no others.
    """

    decision: Effect
    reason: ReasonCode | UnsetType = UNSET
    policies: tuple[str, ...] | UnsetType = UNSET
    message: str | UnsetType = UNSET
    scopes: tuple[str, ...] | UnsetType = UNSET
    obligations: tuple[str, ...] = ()


class ExpectedList(_Entry, frozen=True):
    """Tools that must be shown, and tools that must not."""

    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
