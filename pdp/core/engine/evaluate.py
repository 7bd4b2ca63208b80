"""One decision: fail-closed, with its reasons sorted by policy id."""

import math
from dataclasses import dataclass
from typing import Final

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import TOOL_TYPE, EvaluationRequest
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.engine import cedar
from pdp.core.engine.cedar import Verdict
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.explain import SliceExplained, Values, explain_slice
from pdp.core.engine.lasting import next_flip
from pdp.core.engine.policy import Policy, PolicyEffect
from pdp.core.engine.request import AccessRequest, offered_digest, read_access
from pdp.core.engine.slice import Slice, Slices
from pdp.core.engine.view import Seen

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
    """What the policies say; every tuple holds policy ids but `obligations`, which holds their texts."""

    code: ReasonCode
    message: str | None = None
    policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    holds: Holds = Holds()
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and the slice that it came from; None where the request was refused before."""

    decision: Decision
    slice: SliceExplained | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as the policies meet it."""

    tool: Tool
    slice: Slice
    seen: Seen


class Engine:
    """Decides under one set of policies and one catalog; holds slices between decisions."""

    def __init__(self, compiled: CompiledPolicies, *, catalog: Catalog) -> None:
        self._policies = compiled.policies
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
        found, seen, group = asked.slice, asked.seen, asked.slice.group
        holds = Holds(found.vary, next_flip(group.flips, now=now) if group.flips else math.inf)
        blind = group.blind(seen.unrepresentable) if seen.unrepresentable else ()
        if blind:
            return Decision(ReasonCode.ARGUMENT_NOT_REPRESENTABLE, policies=blind, holds=holds)
        answer = cedar.authorize(group.handle, found.entities, found.question, context=seen.value)
        return self._judge(answer, holds)

    def _asked(self, request: EvaluationRequest, now: float) -> _Asked:
        tool = self._tool(request)
        access = read_access(request)
        _check_scopes(tool, access)
        found = self._slices.of(access, tool)
        return _Asked(tool, found, found.group.view.of(access, found.shape, now=now))

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
        if answer.unplaced or any(_may_forbid(known.get(failed)) for failed in answer.errors):
            return Decision(ReasonCode.POLICY_ERROR, policies=answer.errors, errors=answer.errors, holds=holds)
        reasons = [known[reason] for reason in answer.reasons]
        message = next((policy.message for policy in reasons if policy.message is not None), None)
        if answer.verdict is Verdict.ALLOW:
            obligations = tuple(policy.obligation for policy in reasons if policy.obligation is not None)
            return Decision(ReasonCode.ALLOWED, None, answer.reasons, answer.errors, obligations, holds)
        code = ReasonCode.FORBIDDEN_BY_POLICY if reasons else ReasonCode.NO_POLICY_ALLOWS
        return Decision(code, message, answer.reasons, answer.errors, holds=holds)


def _check_scopes(tool: Tool, access: AccessRequest) -> None:
    """Every scope that the tool needs was granted; the caller may know which was not (RFC 6750, section 3.1)."""
    missing = sorted(set(tool.scopes) - set(access.context.scopes))
    if missing:
        named = ", ".join(f"`{scope}`" for scope in missing)
        text = f"the bearer token lacks the required {'scope' if len(missing) == 1 else 'scopes'} {named}"
        raise Refused(ReasonCode.SCOPE_MISSING, text, caller_text=text)


def _holds_of(refusal: Refused) -> Holds:
    """Scopes belong to who asks, and nothing else of the request says which are missing."""
    return Holds(vary=()) if refusal.code is ReasonCode.SCOPE_MISSING else Holds()


def _may_forbid(policy: Policy | None) -> bool:
    return policy is None or policy.effect is PolicyEffect.FORBID
