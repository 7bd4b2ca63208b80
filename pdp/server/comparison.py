"""One request before two bundles: what the shadow would have answered otherwise."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.bundle.bundle import Bundle
from pdp.core.contract.authzen import TOOL_TYPE, EvaluationRequest, EvaluationResponse, ToolgateAnswer
from pdp.core.contract.comparison_record import Answered, Difference
from pdp.core.contract.errors import Refused
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change, Effect
from pdp.core.engine.request import read_access

MOST_POLICIES: Final = 20
"""The policies that a difference names on each side; the others are counted."""
MOST_CHARACTERS: Final = 256
"""The characters that a difference has of any name: its decision's record has the whole of it."""

_MAPPING: Final = "mapping"


class Note(StrEnum):
    """What has to be known to read a comparison right."""

    OTHER_MAPPING = "the canary has another claims mapping: principals were as the active one makes them"
    UNHELD = "the canary's claims mapping lacks attributes of principals that the active one makes"
    REMAPPED = "enforcers had to map principals again, so the active bundle did not decide"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was asked, when (Unix seconds) it was decided, the answer that was given, and what was tried then."""

    request: EvaluationRequest
    response: EvaluationResponse
    now: float
    shadow: Bundle


@dataclass(frozen=True, slots=True)
class Compared:
    """Both have answered; the answers are the same where there is no difference."""

    difference: Difference | None
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Incomparable:
    """The shadow cannot say anything about this request."""

    note: Note


Comparison: TypeAlias = Compared | Incomparable


def compare(sample: Sample) -> Comparison:
    """Ask the shadow what was asked, at the instant of the answer; whatever it raises is a difference."""
    try:
        asked = _as_mapped(sample)
        if isinstance(asked, Incomparable):
            return asked
        request, note = asked
        answer = sample.response.context.toolgate
        other = sample.shadow.evaluate(request, now=sample.now, decision_id=answer.decision_id)
    except Exception as error:  # noqa: BLE001 - the edge of what is tried: whatever fails there touches no request
        return Compared(_difference(sample, Change.FAILED, failure=type(error).__name__))
    change = _change(sample.response, other)
    return Compared(None if change is None else _difference(sample, change, shadow=_answered(other)), note)


def _as_mapped(sample: Sample) -> tuple[EvaluationRequest, Note | None] | Incomparable:
    """The request as the shadow would meet it.

    The active bundle's mapping made the principal, and only enforcers could make another of the same claims. So the
    shadow takes the principal as it is, where its own mapping has all the attributes that it has.
    """
    request, code, mapping = sample.request, sample.response.context.toolgate.reason_code, sample.shadow.mapping
    if code is ReasonCode.BUNDLE_STALE:
        return Incomparable(Note.REMAPPED)
    given = request.subject.properties
    named = given.get(_MAPPING)
    if not isinstance(named, str) or named == mapping.digest:
        return request, None
    properties = {name: value for name, value in given.items() if name != _MAPPING}
    subject = msgspec.structs.replace(request.subject, properties=properties)
    request = msgspec.structs.replace(request, subject=subject)
    try:
        read_access(request, mapping=mapping)
    except Refused:
        if code is not ReasonCode.REQUEST_INVALID:
            return Incomparable(Note.UNHELD)
    return request, Note.OTHER_MAPPING


def _change(active: EvaluationResponse, shadow: EvaluationResponse) -> Change | None:
    """The first change between two answers, None where they are the same to callers and in records."""
    if active.decision != shadow.decision:
        return Change.ALLOW_TO_DENY if active.decision else Change.DENY_TO_ALLOW
    one, other = active.context.toolgate, shadow.context.toolgate
    compared: tuple[tuple[Change, Any, Any], ...] = (
        (Change.REASON_CODE, one.reason_code, other.reason_code),
        (Change.POLICIES, (one.policies, one.errors), (other.policies, other.errors)),
        (Change.OBLIGATIONS, one.obligations, other.obligations),
        (Change.SCOPES, one.scopes, other.scopes),
        (Change.MESSAGE, one.message, other.message),
    )
    return next((change for change, before, after in compared if before != after), None)


def _difference(
    sample: Sample, change: Change, *, shadow: Answered | None = None, failure: str | None = None
) -> Difference:
    asked = sample.request
    server, slash, tool = asked.resource.id.partition("/")
    is_tool = asked.resource.type == TOOL_TYPE and slash
    actor = asked.context.get("actor")
    return Difference(
        decision_id=sample.response.context.toolgate.decision_id,
        time=rfc3339(sample.now),
        change=change,
        active=_answered(sample.response),
        shadow=shadow,
        method=_cut(asked.action.name),
        server=_cut(server) if is_tool else None,
        tool=_cut(tool) if is_tool else None,
        principal=_cut(asked.subject.id),
        actor=_cut(actor) if isinstance(actor, str) else None,
        failure=failure,
    )


def _answered(response: EvaluationResponse) -> Answered:
    answer: ToolgateAnswer = response.context.toolgate
    named = [_cut(policy) for policy in answer.policies[:MOST_POLICIES]]
    effect = Effect.ALLOW if response.decision else Effect.DENY
    return Answered(effect, answer.reason_code, named, len(answer.policies) - len(named))


def _cut(text: str) -> str:
    return text[:MOST_CHARACTERS]
