"""Scopes: which requests a policy can match at all, by principal, action and resource."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pdp.core.engine.cedar import EntityUid, pst


@dataclass(frozen=True, slots=True)
class Lineage:
    """An entity with all of its ancestors, itself among them."""

    uid: EntityUid
    ancestors: AbstractSet[EntityUid]


@dataclass(frozen=True, slots=True)
class Scope:
    """The three constraints of a policy's head."""

    principal: pst.PrincipalOrResourceConstraint
    action: pst.ActionConstraint
    resource: pst.PrincipalOrResourceConstraint


def uid_of(node: pst.EntityOrSlot) -> EntityUid:
    """The entity that a constraint names."""
    if isinstance(node, pst.Slot):
        raise TypeError("a template's slot has no entity before it is linked")
    return EntityUid(str(node.type), node.id)
