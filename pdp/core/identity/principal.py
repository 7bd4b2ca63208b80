"""Principals: what policies see of the one who asks."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from pdp.core.contract.authzen import Subject
from pdp.core.contract.digest import digest
from pdp.core.identity.attribute import AttributeValue


class PrincipalType(StrEnum):
    """Kinds of principal; the Cedar types are `Mcp::User` and `Mcp::Agent`."""

    USER = "user"
    AGENT = "agent"


class SubjectProperties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a principal; ids carry the issuer's alias (`corp|eng`), attributes are in their normal form.

    `mapping` is the digest of the claims mapping that made it, None where none did.
    """

    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenant: str | None = None
    attributes: dict[str, AttributeValue] = {}
    mapping: str | None = None

    def __hash__(self) -> int:
        return hash((self.groups, self.roles, self.tenant, self.mapping, frozenset(self.attributes.items())))

    def flat(self) -> dict[str, Any]:
        """`subject.properties` on the wire: an attribute stands under its name, beside the rest."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        attributes: dict[str, Any] = plain.pop("attributes")
        return {**attributes, **{name: item for name, item in plain.items() if item is not None}}


class Delegation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The chain of agents that act for the principal, nearest first (RFC 8693, section 4.1)."""

    first: str
    last: str
    depth: int
    members: tuple[str, ...]

    @staticmethod
    def of(chain: Sequence[str]) -> "Delegation":
        """The delegation along `chain`, which has at least one agent, nearest first."""
        return Delegation(chain[0], chain[-1], len(chain), tuple(sorted(set(chain))))


class Principal(msgspec.Struct, frozen=True):
    """The principal of a request, with the agent acting for it and the scopes it was granted.

    `chain` are the agents that act for it, nearest first.
    """

    type: PrincipalType
    id: str
    properties: SubjectProperties = SubjectProperties()
    scopes: tuple[str, ...] = ()
    actor: str | None = None
    chain: tuple[str, ...] = ()

    @property
    def delegation(self) -> Delegation | None:
        """The delegation along its chain, None where nobody acts for it by one."""
        return Delegation.of(self.chain) if self.chain else None

    def subject(self) -> Subject:
        """The AuthZEN subject."""
        return Subject(self.type, self.id, self.properties.flat())

    def context(self) -> dict[str, Any]:
        """The part of a request's context that comes from the token."""
        context: dict[str, Any] = {"scopes": list(self.scopes)}
        if self.actor is not None:
            context["actor"] = self.actor
        delegation = self.delegation
        if delegation is not None:
            context["delegation"] = msgspec.to_builtins(delegation)
        return context

    @property
    def digest(self) -> str:
        """Digest over all of it: two principals with one digest are decided alike."""
        return digest(msgspec.to_builtins(self))
