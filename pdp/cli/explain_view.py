"""How an explained decision looks on a terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pdp.cli.terminal import visible
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.evaluate import Decision, Explanation, Holds
from pdp.core.engine.explain import ConditionPart, ExplainedClause, ExplainedPolicy, Outcome, ReadPlace, State

_OUTCOMES: Final = {
    Outcome.APPLIES: "applies",
    Outcome.DOES_NOT_APPLY: "does not apply",
    Outcome.FAILS: "fails to evaluate",
    Outcome.NOT_REPRESENTABLE: "reads a value that Cedar cannot hold",
}
_STATES: Final = {
    State.PRESENT: "is there",
    State.MASKED: "is there, its value masked",
    State.ABSENT: "is not there",
    State.NOT_REPRESENTABLE: "cannot be held by Cedar",
}


def as_json(explanation: Explanation, *, policies: int) -> dict[str, Any]:
    """The explanation as JSON; `policies` is how many there are in all."""
    decision = explanation.decision
    until = decision.holds.until
    return {
        "decision": decision.code is ReasonCode.ALLOWED,
        "reason_code": decision.code,
        "message": decision.message,
        "detail": decision.detail,
        "policies": list(decision.policies),
        "errors": list(decision.errors),
        "scopes": list(decision.scopes),
        "obligations": list(decision.obligations),
        "vary": list(decision.holds.vary),
        "holds_until": _time(until) if until < _FOREVER else None,
        "policies_in_all": policies,
        "slice": None if explanation.slice is None else msgspec.to_builtins(explanation.slice),
    }


def lines(explanation: Explanation, *, policies: int) -> Iterator[str]:
    """The explanation for people; nothing in it can act on the terminal."""
    yield from _decision(explanation.decision)
    if explanation.slice is None:
        return
    found = explanation.slice.policies
    yield ""
    yield f"{len(found)} of {policies} policies can match this principal, action and resource:"
    for policy in sorted(found, key=_weight):
        yield from _policy(policy)
    yield ""
    yield from _reads(explanation.decision.holds)
    yield "entities:"
    for entity in explanation.slice.entities:
        parents = f" in {', '.join(visible(parent) for parent in entity.parents)}" if entity.parents else ""
        yield f"  {visible(entity.entity)}{parents}"


def _weight(policy: ExplainedPolicy) -> tuple[int, bool, str]:
    """What made the decision comes first: forbids among those that apply, permits among those that do not."""
    telling = "forbid" if policy.outcome is Outcome.APPLIES else "permit"
    return list(Outcome).index(policy.outcome), policy.effect != telling, policy.id


def _decision(decision: Decision) -> Iterator[str]:
    yield f"{'allowed' if decision.code is ReasonCode.ALLOWED else 'denied'}: {decision.code}"
    detail = None if decision.detail == decision.message else decision.detail
    named = (("message", decision.message), ("detail", detail))
    for name, text in named:
        if text is not None:
            yield f"  {name}: {visible(text)}"
    for name, several in (
        ("policies", decision.policies),
        ("errors", decision.errors),
        ("scopes", decision.scopes),
        ("obligations", decision.obligations),
    ):
        if several:
            yield f"  {name}: {', '.join(visible(one) for one in several)}"


def _policy(policy: ExplainedPolicy) -> Iterator[str]:
    where = f"{visible(policy.file)}:{policy.line}"
    yield f"  {policy.effect} {visible(policy.id)}: {_OUTCOMES[policy.outcome]} ({where})"
    for clause in policy.clauses:
        yield from _clause(clause)


def _clause(clause: ExplainedClause) -> Iterator[str]:
    for number, part in enumerate(clause.parts):
        result = "not evaluated" if part.result is None else part.result.value
        lead = clause.kind if number == 0 else "&&"
        yield f"    {lead:>6} {_text(part)}  -> {result}"
        for read in part.reads if part.result is not None else ():
            yield f"             {_read(read)}"


def _text(part: ConditionPart) -> str:
    """The condition in one line."""
    return visible(" ".join(part.text.split()))


def _read(read: ReadPlace) -> str:
    place = visible(read.place)
    if read.state is State.VALUE:
        return f"{place} is {visible(canonical(read.value).decode())}"
    return f"{place} {_STATES[read.state]}"


def _reads(holds: Holds) -> Iterator[str]:
    places = [visible(pointer or "the whole request") for pointer in holds.vary]
    yield f"depends on: {', '.join(places) if places else 'nothing else of the request'}"
    if holds.until < _FOREVER:
        yield f"cacheable: until {_time(holds.until)}, while the bundle stays the same"
    else:
        yield "cacheable: while the bundle stays the same"


_FOREVER: Final = 253_402_300_800.0
"""Unix time of the year 10000, past which RFC 3339 has no times."""


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
