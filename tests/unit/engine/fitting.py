"""What scopes mean, one policy at a time: the oracle of the index."""

from dataclasses import dataclass

from pdp.core.engine.cedar import pst
from pdp.core.engine.scope import Lineage, Scope, uid_of


@dataclass(frozen=True, slots=True)
class Fits:
    """The scope admits the request."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """The scope rules the request out, whatever the conditions say."""


def fit(scope: Scope, *, principal: Lineage, action: Lineage, resource: Lineage) -> Fits | Excluded:
    """Whether `scope` admits a request of these three; exact, as Cedar evaluates scopes."""
    admitted = (
        _entity_fits(scope.principal, principal)
        and _action_fits(scope.action, action)
        and _entity_fits(scope.resource, resource)
    )
    return Fits() if admitted else Excluded()


def _entity_fits(constraint: pst.PrincipalOrResourceConstraint, entity: Lineage) -> bool:
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ScopeEq(entity=wanted):
            return uid_of(wanted) == entity.uid
        case pst.ScopeIn(entity=wanted):
            return uid_of(wanted) in entity.ancestors
        case pst.ScopeIs(entity_type=kind):
            return str(kind) == entity.uid.type
        case pst.ScopeIsIn(entity_type=kind, entity=wanted):
            return str(kind) == entity.uid.type and uid_of(wanted) in entity.ancestors


def _action_fits(constraint: pst.ActionConstraint, action: Lineage) -> bool:
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ActionEq(entity=wanted):
            return uid_of(wanted) == action.uid
        case pst.ActionIn(entities=wanted_any):
            return any(uid_of(wanted) in action.ancestors for wanted in wanted_any)
