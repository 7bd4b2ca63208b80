"""The index of policies by scope: the policies that can match a request, found without looking at the others.

Each policy stands under the keys of its action, resource and principal constraints, in this order. A
request asks for the keys that its three lineages satisfy, so a lookup costs as much as the lineages and
what is found are long, however many policies there are.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias, TypeVar

from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.policy import Policy
from pdp.core.engine.scope import Lineage, uid_of

_Key: TypeAlias = tuple[str, str, EntityUid | None]
"""What a constraint asks for: the operator, a type (`is`) and an entity (`==`, `in`); ("", "", None) asks nothing."""

Keys: TypeAlias = frozenset[_Key]

_ByPrincipal: TypeAlias = dict[_Key, list[int]]
_ByResource: TypeAlias = dict[_Key, _ByPrincipal]

_ANY: _Key = ("", "", None)

T = TypeVar("T")


class PolicyIndex:
    """Policies by scope; immutable."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = tuple(sorted(policies, key=lambda policy: policy.id))
        self._by_action: dict[_Key, _ByResource] = {}
        for position, policy in enumerate(self._policies):
            for action in _action_keys(policy.scope.action):
                by_resource = self._by_action.setdefault(action, {})
                by_principal = by_resource.setdefault(_entity_key(policy.scope.resource), {})
                by_principal.setdefault(_entity_key(policy.scope.principal), []).append(position)

    def matching(self, *, principal: Lineage, action: Lineage, resource: Lineage) -> tuple[Policy, ...]:
        """The policies whose scope admits a request of these three, by id: exact, as Cedar evaluates scopes."""
        return self.under(principals=satisfied(principal), actions=satisfied(action), resources=satisfied(resource))

    def under(self, *, principals: Keys, actions: Keys, resources: Keys) -> tuple[Policy, ...]:
        """The same for the keys that the three satisfy, for one who asks with many of them."""
        found = {
            position
            for by_resource in _under(self._by_action, actions)
            for by_principal in _under(by_resource, resources)
            for positions in _under(by_principal, principals)
            for position in positions
        }
        return tuple(self._policies[position] for position in sorted(found))

    def of_principal(self, principals: Keys) -> Iterator[Policy]:
        """The policies whose scope admits a principal that satisfies these keys, whatever it does."""
        return (policy for policy in self._policies if _entity_key(policy.scope.principal) in principals)


def _under(table: Mapping[_Key, T], keys: AbstractSet[_Key]) -> Iterator[T]:
    """What `table` has under `keys`, walking whichever is shorter."""
    if len(table) < len(keys):
        return (value for key, value in table.items() if key in keys)
    return (table[key] for key in keys if key in table)


def satisfied(lineage: Lineage) -> Keys:
    """The keys of every constraint that the entity satisfies."""
    kind = lineage.uid.type
    inside = (key for ancestor in lineage.ancestors for key in (("in", "", ancestor), ("is in", kind, ancestor)))
    return frozenset((_ANY, ("==", "", lineage.uid), ("is", kind, None), *inside))


def _action_keys(constraint: pst.ActionConstraint) -> Iterable[_Key]:
    match constraint:
        case pst.ScopeAny():
            return (_ANY,)
        case pst.ActionEq(entity=wanted):
            return (("==", "", uid_of(wanted)),)
        case pst.ActionIn(entities=wanted_any):
            return {("in", "", uid_of(wanted)) for wanted in wanted_any}


def _entity_key(constraint: pst.PrincipalOrResourceConstraint) -> _Key:
    match constraint:
        case pst.ScopeAny():
            return _ANY
        case pst.ScopeEq(entity=wanted):
            return ("==", "", uid_of(wanted))
        case pst.ScopeIn(entity=wanted):
            return ("in", "", uid_of(wanted))
        case pst.ScopeIs(entity_type=kind):
            return ("is", str(kind), None)
        case pst.ScopeIsIn(entity_type=kind, entity=wanted):
            return ("is in", str(kind), uid_of(wanted))
