"""One principal before all tools: what is found out for one tool is used for all that are like it."""

from collections.abc import Hashable, Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import Final

from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.closure import defined, evaluated, principal_entities, uid
from pdp.core.engine.expression.situation import Entity, OpenRecord, Situation, Truth, Truths, Unknown, truths_of
from pdp.core.engine.expression.value import Value, value_of
from pdp.core.engine.index import PolicyIndex, satisfied
from pdp.core.engine.policy import Policy, PolicyEffect
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.residual.examined import Company, Examined
from pdp.core.engine.residual.search import Search
from pdp.core.engine.residual.stage import LISTING, Card, Stage
from pdp.core.engine.residual.standing import Standing, standing
from pdp.core.engine.scope import Lineage
from pdp.core.engine.view import ARGUMENTS, Seen


class Visibility(StrEnum):
    """Whether calls of a tool are allowed: all of them, maybe some, or none."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


_FEW: Final = 16
_LISTING: Final = satisfied(LISTING)
_ANY_TOOL: Final = uid("Tool", "")
_UNFULFILLED: Final[Truths] = frozenset({Truth.FALSE})


class Audience:
    """A principal with all that is known of its requests."""

    def __init__(
        self, access: AccessRequest, seen: Seen, *, stage: Stage, index: PolicyIndex, examined: Mapping[str, Examined]
    ) -> None:
        self._stage = stage
        self._examined = examined
        self._lost = seen.unrepresentable
        self._scopes = frozenset(access.context.scopes)
        definitions = principal_entities(access)
        own = evaluated(defined(definitions))
        self._principal = Lineage(definitions[0].uid, own[definitions[0].uid].ancestors)
        self._keys = satisfied(self._principal)
        self._context = {name: value_of(form) for name, form in seen.value.items()}
        self._entities: Mapping[EntityUid, Entity] = {**stage.entities, **own}
        self._companies: dict[tuple[str, ...], Company | None] = {}
        self._visible: dict[Hashable, Visibility] = {}
        self._tools: dict[Hashable, Situation] = {}
        self._truths: dict[Hashable, Truths] = {}
        self._standings: MutableMapping[Hashable, Standing] = {}
        self._index = PolicyIndex(policy for policy in index.of_principal(self._keys) if not self._is_idle(policy))
        self._hidden = {server for server in stage.servers if self._hides(server, index)}

    def visibility(self, card: Card) -> Visibility:
        """Whether calls of the tool are allowed."""
        if card.server in self._hidden or not card.scopes <= self._scopes:
            return Visibility.NO
        policies = self._index.under(principals=self._keys, actions=card.actions, resources=card.resources)
        company = self._company(policies)
        left = None if company is None else self._stage.narrowed(card, company.reads)
        if company is None or left is None:
            return Visibility.NO
        shape, kinds = left
        likeness = company, self._likeness(company, card, kinds)
        found = self._visible.get(likeness)
        if found is None:
            found = self._visible[likeness] = self._judged(company, card, shape, kinds)
        return found

    def _company(self, policies: Sequence[Policy]) -> Company | None:
        """The policies as company, None when they deny whatever the arguments."""
        key = tuple([policy.id for policy in policies])
        if key not in self._companies:
            fitting = [self._examined[policy.id] for policy in policies]
            permitted = any(one.effect is PolicyEffect.PERMIT for one in fitting)
            blind = bool(self._lost) and any(self._is_blind(one) for one in fitting)
            self._companies[key] = Company.of(fitting) if permitted and not blind else None
        return self._companies[key]

    def _judged(self, company: Company, card: Card, shape: RecordOf, kinds: Mapping[str, int]) -> Visibility:
        likeness = {one: (one.id, self._likeness(one, card, kinds)) for one in company.fitting}
        found = {one: self._truth(one, likeness[one], card, shape) for one in company.fitting}
        reached = standing(found)
        if reached is Standing.OPEN:
            key = tuple((likeness[one], truths) for one, truths in found.items() if _counts(one, truths))
            shared = all(one.is_of_arguments for one, truths in found.items() if len(truths) > 1)
            held = self._stage.standings if shared else self._standings
            if key not in held:
                held[key] = Search(
                    found, shape=shape, marks=card.marks, situation=self._situation(card, shape)
                ).standing()
            reached = held[key]
        if reached is Standing.DENIED:
            return Visibility.NO
        return Visibility.YES if reached is Standing.ALLOWED and not company.reads else Visibility.MAYBE

    def _is_idle(self, policy: Policy) -> bool:
        """Whether the policy has no part in any decision on a call, whatever the tool and its arguments."""
        one = self._examined[policy.id]
        if one.arguments != () or one.traits is None or self._is_blind(one):
            return False
        known = self._stage.traits(one.traits)
        return len(known) <= _FEW and all(self._is_neutral(one, traits) for traits in known)

    def _is_neutral(self, one: Examined, traits: tuple[Value | None, ...]) -> bool:
        situation = self._tools.get((one.traits, traits))
        if situation is None:
            situation = self._tools[one.traits, traits] = self._like_tools(one.traits or (), traits)
        truths = self._truths[one.id, (traits, ())] = truths_of(one.program(situation))
        return truths == _UNFULFILLED if one.effect is PolicyEffect.FORBID else Truth.TRUE not in truths

    def _like_tools(self, names: tuple[str, ...], values: tuple[Value | None, ...]) -> Situation:
        """A situation with any tool that has these attributes."""
        attributes = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        entities = {**self._entities, _ANY_TOOL: Entity(frozenset({_ANY_TOOL}), attributes)}
        return Situation(self._principal.uid, Unknown(), _ANY_TOOL, OpenRecord(dict(self._context)), entities)

    def _likeness(self, one: Examined | Company, card: Card, kinds: Mapping[str, int]) -> Hashable:
        """Equal for two tools when the policy, or company, cannot tell them apart."""
        attributes = self._stage.entities[card.resource].attributes
        traits = card.id if one.traits is None else tuple([attributes.get(name) for name in one.traits])
        if one.arguments is None:
            return traits, tuple(kinds.items())
        return traits, tuple([kinds.get(name) for name in one.arguments])

    def _truth(self, one: Examined, likeness: Hashable, card: Card, shape: RecordOf) -> Truths:
        found = self._truths.get(likeness)
        if found is None:
            found = self._truths[likeness] = truths_of(one.program(self._situation(card, shape)))
        return found

    def _situation(self, card: Card, shape: RecordOf) -> Situation:
        context = OpenRecord({**self._context, ARGUMENTS: Unknown(shape)})
        return Situation(self._principal.uid, card.action, card.resource, context, self._entities)

    def _is_blind(self, one: Examined) -> bool:
        """Whether the policy reads what of the request cannot be represented."""
        return bool(self._lost) and any(read.touches(place) for read in one.policy.reads for place in self._lost)

    def _hides(self, server: EntityUid, index: PolicyIndex) -> bool:
        """Whether a `forbid` on listing hides the tools of `server`: it holds, fails or cannot be evaluated."""
        lineage = self._stage.servers[server]
        situation = Situation(self._principal.uid, LISTING.uid, server, OpenRecord(dict(self._context)), self._entities)
        for policy in index.under(principals=self._keys, actions=_LISTING, resources=satisfied(lineage)):
            one = self._examined[policy.id]
            if one.effect is PolicyEffect.FORBID and (
                self._is_blind(one) or truths_of(one.program(situation)) != _UNFULFILLED
            ):
                return True
        return False


def _counts(one: Examined, truths: Truths) -> bool:
    """Whether the policy has a part in an open standing."""
    return len(truths) > 1 or (one.effect is PolicyEffect.PERMIT and Truth.TRUE in truths)
