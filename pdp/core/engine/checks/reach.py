"""Scopes that no request can be in."""

from collections.abc import Iterator
from typing import Final

from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.subject import Subject
from pdp.core.engine.checks.vocabulary import Vocabulary

_CALLERS: Final = frozenset(f"{NAMESPACE}::{kind}" for kind in ("User", "Agent"))
_AROUND: Final = _CALLERS | {f"{NAMESPACE}::{kind}" for kind in ("Group", "Role", "Tenant")}
_ANY: Final = pst.ScopeAny()


def unreachable(subject: Subject, *, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Why no request is in the scope of `subject`, where its names are all known."""
    tree = subject.tree
    if not _has_callers(tree.principal):
        message = "nobody who calls is this principal: callers are users and agents, `in` groups, roles and tenants"
        yield Finding(Code.NEVER_MATCHES, message, tree.principal)
    if vocabulary.reached(tree.action, resource=tree.resource):
        return
    if not vocabulary.reached(tree.action, resource=_ANY):
        yield Finding(Code.NEVER_MATCHES, _no_action(tree.action), tree.action)
    elif not vocabulary.reached(_ANY, resource=tree.resource):
        message = "no call has this resource: calls have tools, and lists of tools have servers"
        yield Finding(Code.NEVER_MATCHES, message, tree.resource)
    else:
        message = "no call has both this action and this resource: a tool's action comes with that tool alone"
        yield Finding(Code.NEVER_MATCHES, message, tree.resource)


def _has_callers(principal: pst.PrincipalOrResourceConstraint) -> bool:
    match principal:
        case pst.ScopeAny():
            return True
        case pst.ScopeEq(entity=entity):
            return _is_one(entity, _CALLERS)
        case pst.ScopeIn(entity=entity):
            return _is_one(entity, _AROUND)
        case pst.ScopeIs(entity_type=kind):
            return str(kind) in _CALLERS
        case pst.ScopeIsIn(entity_type=kind, entity=entity):
            callers = _AROUND - _CALLERS | {str(kind)}
            return str(kind) in _CALLERS and _is_one(entity, callers)


def _is_one(entity: pst.EntityOrSlot, kinds: frozenset[str]) -> bool:
    return isinstance(entity, pst.Slot) or str(entity.type) in kinds


def _no_action(action: pst.ActionConstraint) -> str:
    match action:
        case pst.ActionIn(entities=()):
            return "the list of actions is empty"
        case pst.ActionEq(entity=entity) if entity.id == TOOLS_CALL:
            return f"a call has the action of its tool: write `action in` for the group `{TOOLS_CALL}`"
        case _:
            return "no call has one of these actions"
