"""One decision: fail-closed, with its reasons sorted by policy id."""

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import TOOL_TYPE, EvaluationRequest
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.contract.record_terms import Recording, strictest
from pdp.core.engine import cedar
from pdp.core.engine.cedar import Verdict
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.explain import SliceExplained, Values, explain_slice
from pdp.core.engine.lasting import next_flip
from pdp.core.engine.policy import Policy, PolicyEffect
from pdp.core.engine.request import offered_digest, read_access
from pdp.core.engine.slice import Slice, Slices
from pdp.core.engine.step_up import scopes_needed
from pdp.core.engine.view import SCOPES, Seen

_MENDED_BY_SCOPES: Final = frozenset({ReasonCode.NO_POLICY_ALLOWS, ReasonCode.FORBIDDEN_BY_POLICY})

EVERYTHING: Final = ("",)
"""The pointer to the whole request: whatever in it is changed, the answer may be another."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What else a decision is good for: other requests, and later ones.

    `vary` names the places of the request, as JSON Pointers, on which the decision depends besides
    principal, actor, delegation, scopes, action and resource. It holds before Unix time `until`, in
    seconds, as long as the bundle stays the same.
    """

    vary: tuple[str, ...] = EVERYTHING
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policies say; every tuple holds policy ids but `obligations`, which holds their texts.

    `scopes` goes with `scope_missing`: all that the call needs, sorted, those that were granted too. `record` is
    the strictest of what these policies have records keep of the arguments.
    """

    code: ReasonCode
    message: str | None = None
    policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    holds: Holds = Holds()
    detail: str | None = None
    scopes: tuple[str, ...] = ()
    record: Recording = Recording.KEEP


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and the slice that it came from; None where the request was refused before."""

    decision: Decision
    slice: SliceExplained | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as the policies meet it."""

    tool: Tool
    held: frozenset[str]
    slice: Slice
    seen: Seen


class Engine:
    """Decides under one set of policies and one catalog; holds slices between decisions."""

    def __init__(self, compiled: CompiledPolicies, *, catalog: Catalog) -> None:
        self._policies = compiled.policies
        self._mapping = compiled.mapping
        self._catalog = catalog
        self._slices = Slices(compiled, catalog=catalog)

    def decide(self, request: EvaluationRequest, *, now: float) -> Decision:
        """The decision on `request` at Unix time `now`; whatever is wrong with it is a denial."""
        try:
            return self._decide(request, now)
        except Refused as refusal:
            message = None if refusal.caller_text == CALLER_TEXT[refusal.code] else refusal.caller_text
            return Decision(refusal.code, message, holds=_holds_of(refusal), detail=refusal.detail)

    def explain(self, request: EvaluationRequest, *, now: float, values: Values) -> Explanation:
        """The decision on `request` at Unix time `now`, and how it came about."""
        decision = self.decide(request, now=now)
        try:
            asked = self._asked(request, now)
        except Refused:
            return Explanation(decision, None)
        return Explanation(decision, explain_slice(asked.slice, asked.seen, tool=asked.tool, values=values))

    def _decide(self, request: EvaluationRequest, now: float) -> Decision:
        asked = self._asked(request, now)
        group, required = asked.slice.group, frozenset(asked.tool.scopes)
        holds = Holds(asked.slice.vary, next_flip(group.flips, now=now) if group.flips else math.inf)
        decision = self._evaluated(asked, asked.seen.value, holds)
        if required <= asked.held and (decision.code not in _MENDED_BY_SCOPES or group.scopes <= asked.held):
            return decision
        needed = scopes_needed(
            group.scopes,
            held=asked.held,
            required=required,
            allows=lambda scopes: self._allows(asked, scopes, holds),
        )
        if needed is None and required <= asked.held:
            return decision
        return _lacking(needed or required, held=asked.held, denial=decision)

    def _evaluated(self, asked: _Asked, context: Mapping[str, Any], holds: Holds) -> Decision:
        found, lost = asked.slice, asked.seen.unrepresentable
        blind = found.group.blind(lost) if lost else ()
        if blind:
            record = self._recording(blind)
            return Decision(ReasonCode.ARGUMENT_NOT_REPRESENTABLE, policies=blind, holds=holds, record=record)
        answer = cedar.authorize(found.group.handle, found.entities, found.question, context=context)
        return self._judge(answer, holds)

    def _allows(self, asked: _Asked, scopes: AbstractSet[str], holds: Holds) -> bool:
        seen = asked.seen.value
        context = {**seen, SCOPES: sorted(scopes)} if SCOPES in seen else seen
        return self._evaluated(asked, context, holds).code is ReasonCode.ALLOWED

    def _asked(self, request: EvaluationRequest, now: float) -> _Asked:
        tool = self._tool(request)
        access = read_access(request, mapping=self._mapping)
        found = self._slices.of(access, tool)
        held = frozenset(access.context.scopes)
        return _Asked(tool, held, found, found.group.view.of(access, found.shape, now=now))

    def _tool(self, request: EvaluationRequest) -> Tool:
        if request.action.name != TOOLS_CALL:
            raise Refused(ReasonCode.METHOD_UNKNOWN, "the action is none that policies decide on")
        if request.resource.type != TOOL_TYPE:
            raise Refused(ReasonCode.REQUEST_INVALID, "the resource's type is none that policies decide on")
        return self._catalog.resolve(request.resource.id, offered=offered_digest(request))

    def _judge(self, answer: cedar.Answer, holds: Holds) -> Decision:
        """INVARIANT: Cedar's Allow counts only when no `forbid` failed and every error has its policy."""
        known = self._policies
        if answer.verdict is Verdict.NO_DECISION:
            return Decision(ReasonCode.REQUEST_INVALID, detail="Cedar cannot read the request", holds=holds)
        record = self._recording((*answer.reasons, *answer.errors))
        if answer.unplaced or any(_may_forbid(known.get(failed)) for failed in answer.errors):
            code, failed = ReasonCode.POLICY_ERROR, answer.errors
            return Decision(code, policies=failed, errors=failed, holds=holds, record=record)
        reasons = [known[reason] for reason in answer.reasons]
        message = next((policy.message for policy in reasons if policy.message is not None), None)
        if answer.verdict is Verdict.ALLOW:
            obligations = tuple(policy.obligation for policy in reasons if policy.obligation is not None)
            return Decision(ReasonCode.ALLOWED, None, answer.reasons, answer.errors, obligations, holds, record=record)
        code = ReasonCode.FORBIDDEN_BY_POLICY if reasons else ReasonCode.NO_POLICY_ALLOWS
        return Decision(code, message, answer.reasons, answer.errors, holds=holds, record=record)

    def _recording(self, policies: Iterable[str]) -> Recording:
        known = (self._policies.get(policy) for policy in policies)
        return strictest(*(policy.record for policy in known if policy is not None))


def _lacking(needed: AbstractSet[str], *, held: AbstractSet[str], denial: Decision) -> Decision:
    """The caller may know which scopes the call needs (RFC 6750, section 3.1)."""
    missing = sorted(needed - held)
    named = ", ".join(f"`{scope}`" for scope in missing)
    text = f"the bearer token lacks the required {'scope' if len(missing) == 1 else 'scopes'} {named}"
    policies = () if denial.code is ReasonCode.ALLOWED else denial.policies
    return Decision(
        ReasonCode.SCOPE_MISSING,
        text,
        policies,
        denial.errors,
        holds=denial.holds,
        detail=text,
        scopes=tuple(sorted(needed)),
        record=denial.record,
    )


def _holds_of(refusal: Refused) -> Holds:
    """That another mapping made a subject is nothing to hold: who asks next may have been mapped again."""
    return Holds(until=0.0) if refusal.code is ReasonCode.BUNDLE_STALE else Holds()


def _may_forbid(policy: Policy | None) -> bool:
    return policy is None or policy.effect is PolicyEffect.FORBID
