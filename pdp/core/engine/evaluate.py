"""One decision: fail-closed, with its reasons sorted by policy id."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import cachetools

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.json_schema import arguments_shape
from pdp.core.catalog.shape import RecordOf
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import TOOL_TYPE, EvaluationRequest
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import Refused
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine import cedar
from pdp.core.engine.cedar import Verdict
from pdp.core.engine.closure import Closure, tool_closure, uid
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.policy import Policy, PolicyEffect
from pdp.core.engine.request import AccessRequest, read_access
from pdp.core.engine.scope import Fits, fit
from pdp.core.engine.translate import Path, Translated, translate

_SLICES = 4096


class Lasting(StrEnum):
    """How long the same request is decided alike: until the bundle changes, or for this instant."""

    UNTIL_CHANGE = "until_change"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policies say; every tuple holds policy ids but `obligations`, which holds their texts."""

    code: ReasonCode
    message: str | None = None
    policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    lasting: Lasting = Lasting.UNTIL_CHANGE
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class _Slice:
    """A closure, and the policies whose scope it fits: they depend on nothing else of a request."""

    closure: Closure
    policies: tuple[Policy, ...]
    lasting: Lasting


class Engine:
    """Decides under one set of policies and one catalog; holds closures and slices between decisions."""

    def __init__(self, compiled: CompiledPolicies, *, catalog: Catalog) -> None:
        self._compiled = compiled
        self._catalog = catalog
        self._shapes: dict[str, RecordOf] = {t.id: arguments_shape(t.input_schema) for t in catalog.tools()}
        self._slices: cachetools.LRUCache[bytes, _Slice] = cachetools.LRUCache(_SLICES)

    def decide(self, request: EvaluationRequest, *, now: float) -> Decision:
        """The decision on `request` at Unix time `now`; whatever is wrong with it is a denial."""
        try:
            return self._decide(request, now)
        except Refused as refusal:
            return Decision(refusal.code, detail=refusal.detail)

    def _decide(self, request: EvaluationRequest, now: float) -> Decision:
        tool = self._tool(request)
        access = read_access(request)
        translated = self._translate(tool, access)
        found = self._slice(access, tool)
        closure = found.closure
        lost = translated.unrepresentable
        blind = [policy.id for policy in found.policies if _reads_any(policy, lost)] if lost else []
        if blind:
            return Decision(ReasonCode.ARGUMENT_NOT_REPRESENTABLE, policies=tuple(blind))
        answer = cedar.authorize(
            self._compiled.handle,
            closure.entities,
            principal=closure.principal.uid,
            action=closure.action.uid,
            resource=closure.resource.uid,
            context=cedar_context(access, translated.value, now=now),
        )
        return replace(self._judge(answer), lasting=found.lasting)

    def _tool(self, request: EvaluationRequest) -> Tool:
        if request.action.name != TOOLS_CALL:
            raise Refused(ReasonCode.METHOD_UNKNOWN, "the action is none that policies decide on")
        if request.resource.type != TOOL_TYPE:
            raise Refused(ReasonCode.REQUEST_INVALID, "the resource's type is none that policies decide on")
        tool = self._catalog.find(request.resource.id)
        if tool is None:
            raise Refused(ReasonCode.TOOL_UNKNOWN, "the tool is not in the catalog")
        return tool

    def _translate(self, tool: Tool, access: AccessRequest) -> Translated:
        shape = self._shapes[tool.id]
        if not shape.fields.keys() >= access.context.arguments.keys():
            raise Refused(ReasonCode.REQUEST_INVALID, "an argument is not declared by the tool's schema")
        return translate(access.context.arguments, shape)

    def _slice(self, access: AccessRequest, tool: Tool) -> _Slice:
        context = access.context
        key = canonical([tool.id, access.type, access.id, access.properties, context.actor, context.delegation])
        found = self._slices.get(key)
        if found is None:
            closure = tool_closure(access, tool)
            policies = tuple(policy for policy in self._compiled.policies.values() if _fits(policy, closure))
            found = self._slices[key] = _Slice(closure, policies, _lasting(policies))
        return found

    def _judge(self, answer: cedar.Answer) -> Decision:
        """INVARIANT: Cedar's Allow counts only when no `forbid` failed and every error has its policy."""
        known = self._compiled.policies
        if answer.verdict is Verdict.NO_DECISION:
            return Decision(ReasonCode.REQUEST_INVALID, detail="Cedar cannot read the request")
        if answer.unplaced or any(_may_forbid(known.get(failed)) for failed in answer.errors):
            return Decision(ReasonCode.POLICY_ERROR, policies=answer.errors, errors=answer.errors)
        reasons = [known[reason] for reason in answer.reasons]
        message = next((policy.message for policy in reasons if policy.message is not None), None)
        if answer.verdict is Verdict.ALLOW:
            obligations = tuple(policy.obligation for policy in reasons if policy.obligation is not None)
            return Decision(ReasonCode.ALLOWED, None, answer.reasons, answer.errors, obligations)
        code = ReasonCode.FORBIDDEN_BY_POLICY if reasons else ReasonCode.NO_POLICY_ALLOWS
        return Decision(code, message, answer.reasons, answer.errors)


def cedar_context(access: AccessRequest, arguments: dict[str, Any], *, now: float) -> dict[str, Any]:
    """The context in Cedar's JSON form."""
    given = access.context
    context: dict[str, Any] = {
        "arguments": arguments,
        "scopes": sorted(set(given.scopes)),
        "now": {"__extn": {"fn": "datetime", "arg": rfc3339(now)}},
    }
    if given.actor is not None:
        context["actor"] = _agent(given.actor)
    if given.delegation is not None:
        context["delegation"] = {
            "first": _agent(given.delegation.first),
            "last": _agent(given.delegation.last),
            "depth": given.delegation.depth,
            "members": [_agent(member) for member in given.delegation.members],
        }
    if given.ip is not None:
        context["ip"] = {"__extn": {"fn": "ip", "arg": given.ip}}
    named = (("session", given.session), ("enforcer", given.enforcer), ("transport", given.transport))
    return context | {name: value for name, value in named if value is not None}


def _agent(identifier: str) -> dict[str, Any]:
    return {"__entity": uid("Agent", identifier).as_json()}


def _fits(policy: Policy, closure: Closure) -> bool:
    fitting = fit(policy.scope, principal=closure.principal, action=closure.action, resource=closure.resource)
    return isinstance(fitting, Fits)


def _lasting(candidates: Iterable[Policy]) -> Lasting:
    clocked = any(read.touches(("now",)) for policy in candidates for read in policy.reads)
    return Lasting.INSTANT if clocked else Lasting.UNTIL_CHANGE


def _may_forbid(policy: Policy | None) -> bool:
    return policy is None or policy.effect is PolicyEffect.FORBID


def _reads_any(policy: Policy, lost: Iterable[Path]) -> bool:
    return any(read.touches(("arguments", *path)) for read in policy.reads for path in lost)
