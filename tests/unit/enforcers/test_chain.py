import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from enforcers.caller import Caller, Identified, Transport
from enforcers.offer import ErrorResult, Offer
from enforcers.testing.decision_point import answer
from enforcers.verdict import Allowed, Denied, Listed
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.definition import pin_of
from pdp.core.contract.authzen import AnswerContext, EvaluationRequest, EvaluationResponse
from pdp.core.contract.errors import MessageError, Refused, UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.contract.record_terms import (
    DecisionOrigin,
    Effect,
    Fate,
    NotReplayable,
    ObligationState,
    Recording,
    UpstreamFailure,
    Withheld,
)
from pdp.core.identity.mapping import IdentityMapping, IssuerEntry
from pdp.core.identity.source import Source
from pdp.tokens.presented import Presented, bearer
from tests.unit.enforcers.chain_host import CALLER, OFFERS, READ, Host, call

TIMEOUT = UpstreamFailure.TIMEOUT
DENIALS = [code for code in ReasonCode if code is not ReasonCode.ALLOWED]


@pytest.fixture
def host() -> Host:
    return Host()


async def denied(host: Host, request: Request) -> Denied:
    verdict = await host.chain.call(request, who=await host.alice())
    assert isinstance(verdict, Denied)
    return verdict


async def test_an_allowed_call_is_recorded_forwarded_and_its_outcome_recorded(host: Host) -> None:
    verdict = await host.chain.call(call(), who=await host.alice())
    assert verdict == Allowed(host.upstream.answers, host.point.decisions[0].id)
    assert host.upstream.calls == [("files/read", {"path": "a/b"})]
    decision, outcome = host.point.decisions[0], host.point.outcomes[0]
    assert (decision.effect, decision.reason_code, decision.origin) == (
        Effect.ALLOW,
        ReasonCode.ALLOWED,
        DecisionOrigin.FRESH,
    )
    assert (decision.principal, decision.server, decision.tool) == ("corp|alice", "files", "read")
    assert (decision.issuer, decision.groups, decision.scopes) == ("https://idp", ["corp|eng"], ["a"])
    assert (decision.mapping, decision.version) == (host.point.maps_by.digest, 2)
    assert decision.withheld == {}
    assert decision.arguments == {"path": "a/b"}
    assert (outcome.decision, outcome.fate) == (decision.id, Fate.ANSWERED)
    assert [record.sequence for record in host.point.records] == [1, 2]


async def test_what_was_decided_is_what_is_forwarded(host: Host) -> None:
    await host.chain.call(call(path="a/../b/./c", paths=["x//y"]), who=await host.alice())
    normal = {"path": "b/c", "paths": ["x/y"]}
    assert host.point.asked[0].context["arguments"] == normal
    assert host.upstream.calls == [("files/read", normal)]
    assert host.point.decisions[0].arguments == normal


async def test_the_decision_is_asked_for_the_verified_principal_alone(host: Host) -> None:
    await host.chain.call(call(), who=await host.alice())
    request = host.point.asked[0]
    assert (request.subject.type, request.subject.id) == ("user", "corp|alice")
    assert request.subject.properties == {
        "groups": ("corp|eng",),
        "roles": (),
        "mapping": host.point.maps_by.digest,
    }
    assert request.context == {
        "arguments": {"path": "a/b"},
        "scopes": ["a"],
        "transport": "streamable-http",
        "ip": "127.0.0.1",
    }


OTHERWISE = IdentityMapping(
    issuers={"corp": IssuerEntry(id=Source(("sub",), prefix="new-"), groups=(Source(("groups",)),))}
)


def by_mapping(host: Host) -> Callable[[EvaluationRequest], EvaluationResponse]:
    """Decides as a decision point does whose mapping is another by now."""

    def decide(request: EvaluationRequest) -> EvaluationResponse:
        same = request.subject.properties["mapping"] == host.point.maps_by.digest
        return answer(ReasonCode.ALLOWED if same else ReasonCode.BUNDLE_STALE)

    return decide


async def test_a_caller_is_mapped_again_when_the_mapping_changes_and_no_call_fails_for_it(host: Host) -> None:
    who, host.point.decides = await host.alice(), by_mapping(host)
    assert isinstance(await host.chain.call(call(), who=who), Allowed)
    host.point.maps_by = OTHERWISE
    assert isinstance(await host.chain.call(call(), who=who), Allowed)
    assert [request.subject.id for request in host.point.asked] == ["corp|alice", "corp|alice", "corp|new-alice"]
    assert [record.principal for record in host.point.decisions] == ["corp|alice", "corp|new-alice"]
    assert (await host.alice()).principal.id == "corp|new-alice"


async def test_a_caller_whom_the_new_mapping_does_not_know_is_denied(host: Host) -> None:
    who, host.point.decides = await host.alice(), by_mapping(host)
    host.point.maps_by = IdentityMapping(issuers={"other": IssuerEntry(id=Source(("sub",)))})
    verdict = await host.chain.call(call(), who=who)
    assert isinstance(verdict, Denied)
    assert (verdict.code, host.upstream.calls) == (ReasonCode.IDENTITY_UNMAPPED, [])


async def test_a_mapping_that_is_never_the_same_denies_after_one_more_question(host: Host) -> None:
    host.point.decides = lambda _: answer(ReasonCode.BUNDLE_STALE)
    verdict = await denied(host, call())
    assert (verdict.code, len(host.point.asked), len(host.point.decisions)) == (ReasonCode.BUNDLE_STALE, 2, 1)


async def test_without_a_mapping_nobody_is_identified(host: Host) -> None:
    host.point.unreachable = "no route"
    verdict = await host.chain.identify(CALLER, message=None)
    assert isinstance(verdict, Denied)
    assert verdict.code is ReasonCode.PDP_UNREACHABLE


@pytest.mark.parametrize("code", DENIALS)
async def test_every_denial_of_the_decision_point_stops_the_call(host: Host, code: ReasonCode) -> None:
    host.point.decides = lambda _: answer(code, policies=["p"])
    verdict = await denied(host, call())
    assert (verdict.code, verdict.text) == (code, CALLER_TEXT[code])
    assert host.upstream.calls == []
    assert [(r.effect, r.reason_code, r.policies) for r in host.point.decisions] == [(Effect.DENY, code, ["p"])]
    assert host.point.outcomes == []


async def test_the_policys_message_is_what_the_caller_reads(host: Host) -> None:
    host.point.decides = lambda _: answer(ReasonCode.FORBIDDEN_BY_POLICY, message="only public/ may be read")
    assert (await denied(host, call())).text == "only public/ may be read"


@pytest.mark.parametrize(
    "response",
    [
        EvaluationResponse(True, answer(ReasonCode.FORBIDDEN_BY_POLICY).context),  # noqa: FBT003
        EvaluationResponse(False, answer(ReasonCode.ALLOWED).context),  # noqa: FBT003
    ],
)
async def test_a_decision_that_contradicts_itself_is_a_deny(host: Host, response: EvaluationResponse) -> None:
    host.point.decides = lambda _: response
    assert (await denied(host, call())).code is ReasonCode.INTERNAL_ERROR
    assert host.upstream.calls == []


async def test_any_obligation_is_unknown_and_denies(host: Host) -> None:
    host.point.decides = lambda _: answer(ReasonCode.ALLOWED, obligations=["mask"])
    assert (await denied(host, call())).code is ReasonCode.OBLIGATION_UNKNOWN
    assert host.upstream.calls == []
    decision = host.point.decisions[0]
    assert decision.obligations == ["mask"]
    assert decision.obligation_states == {"mask": ObligationState.UNKNOWN}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (call("nobody__knows"), ReasonCode.TOOL_UNKNOWN),
        (call("files/read"), ReasonCode.TOOL_UNKNOWN),
        (call(path=7), ReasonCode.ARGUMENTS_INVALID),
        (call(paths=[]), ReasonCode.ARGUMENTS_INVALID),
        (call(path="a", extra=1), ReasonCode.ARGUMENTS_INVALID),
        (call(path="../../etc/passwd"), ReasonCode.ARGUMENTS_INVALID),
        (call(path="a", paths=["ok", "../no"]), ReasonCode.ARGUMENTS_INVALID),
        (Request(1, "tools/call", {"name": "files__read", "task": {}}), ReasonCode.MESSAGE_MALFORMED),
    ],
)
async def test_what_is_refused_before_the_decision_is_not_asked_and_not_forwarded(
    host: Host, request_: Request, code: ReasonCode
) -> None:
    assert (await denied(host, request_)).code is code
    assert host.point.asked == []
    assert host.upstream.calls == []
    assert [record.reason_code for record in host.point.decisions] == [code]


async def test_an_invalid_argument_is_named_by_path_and_rule_never_by_value(host: Host) -> None:
    verdict = await denied(host, call(path="a", paths=["b", 424242]))
    assert verdict.text == "invalid arguments: `/paths/1` breaks `type`"


async def test_a_tool_that_differs_from_its_pin_is_denied_and_hidden(host: Host) -> None:
    drifted = {**READ, "description": "now with instructions for the model"}
    host.offers["files__read"] = Offer("files", "read", drifted, pin_of(drifted))
    assert (await denied(host, call())).code is ReasonCode.TOOL_CHANGED
    listed = await host.chain.list_tools(Request(1, "tools/list"), who=await host.alice())
    assert isinstance(listed, Listed)
    assert [name for name, _ in listed.tools] == ["vault__login"]


async def test_a_tool_outside_the_catalog_is_unknown_and_hidden(host: Host) -> None:
    host.point.active = Catalog([])
    assert (await denied(host, call())).code is ReasonCode.TOOL_UNKNOWN
    assert await host.chain.list_tools(Request(1, "tools/list"), who=await host.alice()) == Listed([])


async def test_a_list_shows_what_the_decision_point_found_and_is_recorded(host: Host) -> None:
    host.point.hidden = {"vault/login"}
    listed = await host.chain.list_tools(Request(1, "tools/list"), who=await host.alice())
    assert listed == Listed([("files__read", OFFERS["files__read"].definition)])
    assert (host.point.decisions[0].method, host.point.decisions[0].shown) == ("tools/list", ["files/read"])


@pytest.mark.parametrize("params", [{"cursor": "x"}, {"extra": 1}])
async def test_a_list_with_a_cursor_we_never_gave_is_refused(host: Host, params: dict[str, Any]) -> None:
    verdict = await host.chain.list_tools(Request(1, "tools/list", params), who=await host.alice())
    assert isinstance(verdict, Denied)
    assert verdict.code is ReasonCode.MESSAGE_MALFORMED


async def test_without_a_decision_point_everything_is_denied_and_recorded(host: Host) -> None:
    who = await host.alice()
    host.point.unreachable = "connection refused"
    for verdict in (
        await host.chain.call(call(), who=who),
        await host.chain.list_tools(Request(1, "tools/list"), who=who),
    ):
        assert isinstance(verdict, Denied)
        assert verdict.code is ReasonCode.PDP_UNREACHABLE
        assert "refused" not in verdict.text
    assert [record.detail for record in host.point.decisions] == ["connection refused"] * 2


async def test_what_cannot_be_recorded_is_not_forwarded(host: Host) -> None:
    who = await host.alice()
    host.point.records_lost = "disk full"
    verdict = await host.chain.call(call(), who=who)
    assert verdict == Denied(ReasonCode.LOG_UNAVAILABLE, CALLER_TEXT[ReasonCode.LOG_UNAVAILABLE], "")
    assert host.upstream.calls == []


async def test_an_outcome_that_cannot_be_recorded_withholds_the_answer(host: Host) -> None:
    who = await host.alice()

    async def forward(offer: Offer, arguments: JsonObject) -> JsonObject:
        host.point.records_lost = "disk full"
        return {"content": []}

    host.upstream.forward = forward  # type: ignore[method-assign]
    verdict = await host.chain.call(call(), who=who)
    assert isinstance(verdict, Denied)
    assert verdict.code is ReasonCode.LOG_UNAVAILABLE


@pytest.mark.parametrize(
    ("failure", "code", "fate"),
    [
        (UpstreamError("process exited with code 3"), ReasonCode.UPSTREAM_UNAVAILABLE, Fate.FAILED),
        (UpstreamError("no answer in time", failure=TIMEOUT), ReasonCode.UPSTREAM_UNAVAILABLE, Fate.FAILED),
        (RuntimeError("a bug"), ReasonCode.INTERNAL_ERROR, Fate.FAILED),
        ({"resultType": "input_required", "inputRequests": {}}, ReasonCode.METHOD_UNKNOWN, Fate.BLOCKED),
        ({"resultType": 7}, ReasonCode.METHOD_UNKNOWN, Fate.BLOCKED),
    ],
)
async def test_an_upstream_that_fails_is_an_outcome_and_its_cause_stays_in_the_log(
    host: Host, failure: Any, code: ReasonCode, fate: Fate
) -> None:
    host.upstream.answers = failure
    verdict = await denied(host, call())
    assert (verdict.code, verdict.text) == (code, CALLER_TEXT[code])
    assert [(outcome.fate, outcome.reason_code) for outcome in host.point.outcomes] == [(fate, code)]


async def test_a_tools_own_error_is_answered_and_recorded_as_one(host: Host) -> None:
    host.upstream.answers = {"content": [], "isError": True}
    assert isinstance(await host.chain.call(call(), who=await host.alice()), Allowed)
    assert host.point.outcomes[0].fate is Fate.TOOL_ERROR


@pytest.mark.parametrize(
    ("answered", "error", "failure"),
    [
        (ErrorResult(-32602, "no such page"), -32602, None),
        (UpstreamError("refused", error=-32020), -32020, UpstreamFailure.PROTOCOL),
        (UpstreamError("no answer in time", failure=TIMEOUT), None, TIMEOUT),
        ({"content": [], "isError": True}, None, None),
        (Refused(ReasonCode.TOOL_CHANGED, "it came back changed"), None, None),
    ],
)
async def test_what_the_server_answered_is_in_the_outcome_and_none_of_its_text(
    host: Host, answered: Any, error: int | None, failure: UpstreamFailure | None
) -> None:
    host.upstream.answers = answered
    await host.chain.call(call(), who=await host.alice())
    (outcome,) = host.point.outcomes
    assert (outcome.upstream_error, outcome.upstream_failure) == (error, failure)
    assert "no such page" not in str(outcome)


async def test_an_error_of_the_server_is_answered_as_the_tools_own(host: Host) -> None:
    host.upstream.answers = ErrorResult(-32602, "no such page")
    verdict = await host.chain.call(call(), who=await host.alice())
    assert isinstance(verdict, Allowed)
    assert verdict.result == {"content": [{"type": "text", "text": "no such page"}], "isError": True}
    assert host.point.outcomes[0].fate is Fate.TOOL_ERROR


async def test_the_time_that_the_answer_took_is_part_of_the_records(host: Host) -> None:
    def slow(_: EvaluationRequest) -> EvaluationResponse:
        host.now += 0.25
        return answer(ReasonCode.ALLOWED)

    who = await host.alice()
    host.point.decides = slow
    await host.chain.call(call(), who=who)
    decision = host.point.decisions[0]
    assert (decision.decision_us, decision.latency_us) == (250_000, 250_000)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ReasonCode.NO_POLICY_ALLOWS, NotReplayable.TIME_UNKNOWN),
        (ReasonCode.REVOKED, NotReplayable.REVOKED),
        (ReasonCode.REVOCATIONS_UNKNOWN, NotReplayable.REVOKED),
        (ReasonCode.BUNDLE_STALE, NotReplayable.NOT_DECIDED),
        (ReasonCode.INTERNAL_ERROR, NotReplayable.NOT_DECIDED),
    ],
)
async def test_what_no_bundle_can_answer_again_says_why(host: Host, code: ReasonCode, reason: NotReplayable) -> None:
    host.point.decides = lambda _: answer(code)
    await denied(host, call())
    assert host.point.decisions[0].not_replayable is reason


async def test_a_policy_can_have_arguments_hashed_or_dropped_and_not_kept(host: Host) -> None:
    who = await host.alice()
    for said in (Recording.DROP, Recording.HASH, Recording.KEEP):
        host.point.decides = lambda _, said=said: answer(ReasonCode.ALLOWED, record=said)  # type: ignore[misc]
        await host.chain.call(call(), who=who)
    dropped, hashed, kept = host.point.decisions
    assert (dropped.arguments, dropped.withheld) == (None, {"": Withheld.DROPPED})
    assert (list(hashed.arguments or {}), hashed.withheld) == (["path"], {"/path": Withheld.HASHED})
    assert kept.arguments == {"path": "a/b"}
    host.point.decides = lambda _: answer(ReasonCode.ALLOWED, record=Recording.KEEP)
    await host.chain.call(call("vault__login", user="a", password="hunter2"), who=who)
    assert "hunter2" not in str(host.point.records)


async def test_a_definition_that_is_not_the_approved_one_is_in_the_record_of_a_denial(host: Host) -> None:
    """The decision point has a newer catalog than the enforcer."""
    denial = answer(ReasonCode.TOOL_CHANGED)
    newer = msgspec.structs.replace(denial.context.toolgate, schema_digest="sha256:newer")
    host.point.decides = lambda _: EvaluationResponse(decision=False, context=AnswerContext(newer))
    await denied(host, call())
    decision = host.point.decisions[0]
    assert (decision.schema_digest, decision.offered_digest) == ("sha256:newer", pin_of(READ))


async def test_a_cancelled_call_leaves_an_outcome(host: Host) -> None:
    who = await host.alice()
    entered = asyncio.Event()

    async def forward(offer: Offer, arguments: JsonObject) -> JsonObject:
        entered.set()
        await asyncio.Event().wait()
        return {}

    host.upstream.forward = forward  # type: ignore[method-assign]
    task = asyncio.create_task(host.chain.call(call(), who=who))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(outcome.fate, outcome.detail) for outcome in host.point.outcomes] == [(Fate.FAILED, "cancelled")]


async def test_a_secret_argument_reaches_the_server_and_no_record(host: Host) -> None:
    await host.chain.call(call("vault__login", user="a", password="hunter2"), who=await host.alice())
    assert host.upstream.calls == [("vault/login", {"user": "a", "password": "hunter2"})]
    decision = host.point.decisions[0]
    assert (decision.arguments, decision.arguments_digest) == ({"user": "a", "password": "[secret]"}, None)


@pytest.mark.parametrize(
    ("credential", "code"),
    [(None, ReasonCode.TOKEN_MISSING), (bearer("forged"), ReasonCode.TOKEN_INVALID)],
)
async def test_a_caller_without_a_good_token_is_nobody_and_recorded(
    host: Host, credential: Presented | None, code: ReasonCode
) -> None:
    verdict = await host.chain.identify(Caller(credential, Transport.STDIO), message=call())
    assert isinstance(verdict, Denied)
    assert verdict.code is code
    assert [(r.reason_code, r.method, r.principal) for r in host.point.decisions] == [(code, "tools/call", None)]


async def test_a_refusal_of_the_host_is_recorded_with_its_cause(host: Host) -> None:
    error = MessageError(ReasonCode.MESSAGE_TOO_LARGE, "10485760 bytes", caller_text="too large")
    verdict = await host.chain.refuse(error, caller=CALLER)
    assert verdict == Denied(ReasonCode.MESSAGE_TOO_LARGE, "too large", host.point.decisions[0].id)
    assert host.point.decisions[0].detail == "10485760 bytes"


async def test_a_bug_in_the_chain_is_a_deny(host: Host) -> None:
    def broken(_: EvaluationRequest) -> EvaluationResponse:
        raise ZeroDivisionError

    host.point.decides = broken
    verdict = await denied(host, call())
    assert verdict.code is ReasonCode.INTERNAL_ERROR
    assert host.upstream.calls == []


async def test_every_code_has_a_text_for_the_caller() -> None:
    assert set(CALLER_TEXT) == set(ReasonCode)
    assert all(text and "\n" not in text for text in CALLER_TEXT.values())
    assert Refused(ReasonCode.REVOKED, "cause").caller_text == CALLER_TEXT[ReasonCode.REVOKED]


async def test_identified_callers_come_from_the_chain_alone(host: Host) -> None:
    who = await host.alice()
    assert isinstance(who, Identified)
    assert who.principal.id == "corp|alice"
