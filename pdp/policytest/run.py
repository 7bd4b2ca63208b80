"""Running cases: each is decided as an enforcer has it decided, and compared with what it expects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET, UnsetType

from pdp.core.bundle.bundle import Bundle
from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import ArgumentsError, Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect
from pdp.core.identity.access import call_request, list_request
from pdp.policytest.cases import CallCase, Case, ListCase
from pdp.policytest.entry import Definition, ExpectedDecision, ExpectedList

_DECISION_ID: Final = "policy-test"
_CHANGED: Final = "sha256:changed"


@dataclass(frozen=True, slots=True)
class Decided:
    """What a call was answered; `message` is what the caller reads, None when it is allowed.

    `scopes` are all that it needs, where one is missing.
    """

    decision: Effect
    reason: ReasonCode
    policies: tuple[str, ...] = ()
    message: str | None = None
    obligations: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """The tools that a listing showed."""

    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One member of an expectation that did not come true."""

    member: str
    expected: Any
    got: Any


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with what came of it; it passed when nothing mismatches."""

    case: Case
    got: Decided | Shown
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Every result, how many policies there are, and those that no passing case names as determining."""

    results: tuple[CaseResult, ...]
    policies: int
    unexercised: tuple[str, ...]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that did not pass."""
        return tuple(result for result in self.results if result.mismatches)


def run(cases: Iterable[Case], *, bundle: Bundle) -> Run:
    """The results of `cases` under `bundle`, in their order."""
    checker = ArgumentChecker()
    results = tuple(_result(case, bundle=bundle, checker=checker) for case in cases)
    policies = bundle.compiled.policies
    unexercised = sorted(policies.keys() - _exercised(results))
    return Run(results, len(policies), tuple(unexercised))


def _result(case: Case, *, bundle: Bundle, checker: ArgumentChecker) -> CaseResult:
    match case:
        case CallCase(expect=expect):
            decided = _decide(case, bundle=bundle, checker=checker)
            return CaseResult(case, decided, tuple(_decision_mismatches(expect, decided)))
        case ListCase(expect=listed):
            shown = _list(case, bundle=bundle)
            return CaseResult(case, shown, tuple(_list_mismatches(listed, shown)))


def _decide(case: CallCase, *, bundle: Bundle, checker: ArgumentChecker) -> Decided:
    """Steps 3 to 5 of an enforcer's chain: the arguments, the decision, what it obliges to."""
    tool = bundle.catalog.find(case.tool)
    if tool is None:
        return _denied(Refused(ReasonCode.TOOL_UNKNOWN, "the tool is not in the catalog"))
    try:
        arguments = checker.check(tool, case.arguments)
    except ArgumentsError as error:
        return _denied(error)
    asker, pin = case.asker, _offered(case, tool)
    request = call_request(asker.principal, tool=tool.id, pin=pin, arguments=arguments, seen=asker.seen)
    response = bundle.evaluate(request, now=case.now, decision_id=_DECISION_ID)
    answer = response.context.toolgate
    return Decided(
        decision=Effect.ALLOW if response.decision else Effect.DENY,
        reason=answer.reason_code,
        policies=tuple(answer.policies),
        message=None if response.decision else answer.caller_text,
        obligations=tuple(answer.obligations),
        errors=tuple(answer.errors),
        scopes=tuple(answer.scopes),
    )


def _offered(case: CallCase, tool: Tool) -> str | None:
    """The digest of the definition that the case says is offered."""
    match case.definition:
        case Definition.APPROVED:
            return tool.pin
        case Definition.CHANGED:
            return _CHANGED
        case Definition.UNSEEN:
            return None


def _denied(refusal: Refused) -> Decided:
    return Decided(Effect.DENY, refusal.code, message=refusal.caller_text)


def _list(case: ListCase, *, bundle: Bundle) -> Shown:
    response = bundle.search(list_request(case.asker.principal, seen=case.asker.seen), now=case.now)
    return Shown(tuple(found.id for found in response.results))


def _decision_mismatches(expect: ExpectedDecision, got: Decided) -> Iterator[Mismatch]:
    pairs = (
        ("decision", expect.decision, got.decision),
        ("reason", expect.reason, got.reason),
        ("policies", _sorted(expect.policies), _sorted(got.policies)),
        ("message", expect.message, got.message),
        ("scopes", _sorted(expect.scopes), _sorted(got.scopes)),
        ("obligations", _sorted(expect.obligations), _sorted(got.obligations)),
    )
    for member, expected, actual in pairs:
        if expected is not UNSET and expected != actual:
            yield Mismatch(member, expected, actual)


def _list_mismatches(expect: ExpectedList, got: Shown) -> Iterator[Mismatch]:
    """For `excludes`, what is expected is that none of them is shown."""
    included = tuple(sorted(set(expect.includes) & set(got.tools)))
    if included != _sorted(expect.includes):
        yield Mismatch("includes", _sorted(expect.includes), included)
    excluded = tuple(sorted(set(expect.excludes) & set(got.tools)))
    if excluded:
        yield Mismatch("excludes", (), excluded)


def _sorted(names: tuple[str, ...] | UnsetType) -> tuple[str, ...] | UnsetType:
    return names if isinstance(names, UnsetType) else tuple(sorted(set(names)))


def _exercised(results: Iterable[CaseResult]) -> set[str]:
    return {
        policy
        for result in results
        if isinstance(result.case, CallCase) and not result.mismatches
        for policy in result.case.expect.policies or ()
    }
