import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.authzen import EvaluationRequest, ResourceSearchRequest
from pdp.core.contract.errors import DecisionError, Refused
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.record_terms import DecisionOrigin, Effect, NotReplayable
from pdp.server.app import ServerBounds
from tests.unit.server.hosting import BUNDLE, KEY, OTHER_KEY, QUESTION, SEARCH, Host, bearer, hosting

EVALUATION, RESOURCES = "/access/v1/evaluation", "/access/v1/search/resource"


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


def without(*path: str) -> dict[str, Any]:
    body = json.loads(json.dumps(QUESTION))
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return dict(body)


def put(value: Any, *path: str) -> dict[str, Any]:
    body = json.loads(json.dumps(QUESTION))
    inner = body
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return dict(body)


async def test_an_allow_says_why(host: Host) -> None:
    answer = await host.ask()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "decision": True,
        "context": {
            "toolgate": {
                "decision_id": "decision-1",
                "reason_code": "allowed",
                "generation": 7,
                "bundle": BUNDLE,
                "message": None,
                "policies": ["engineers-read"],
                "errors": [],
                "obligations": [],
                "cache": {"max_age": 0, "vary": None},
                "schema_digest": None,
                "detail": None,
                "scopes": [],
                "revocations": 0,
                "decided_at": "2026-07-28T08:59:59.990Z",
                "record": "keep",
            }
        },
    }


async def test_a_denial_is_a_success_of_the_exchange(host: Host) -> None:
    answer = await host.ask(put("corp|bob", "subject", "id"))
    assert (answer.status_code, answer.json()["decision"]) == (200, False)


async def test_a_decision_for_a_caller_without_a_credential_is_recorded_here(host: Host) -> None:
    await host.ask(headers={"x-request-id": "r-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    (record,) = host.store.records
    assert isinstance(record, DecisionRecord)
    assert record == DecisionRecord(
        id=record.id,
        time="2026-07-28T09:00:00.000Z",
        writer="pdp",
        boot=record.boot,
        sequence=1,
        effect=Effect.ALLOW,
        reason_code=ReasonCode.ALLOWED,
        origin=DecisionOrigin.FRESH,
        transport="authzen",
        latency_us=record.latency_us,
        method="tools/call",
        server="git",
        tool="git_log",
        principal_type="user",
        principal="corp|alice",
        groups=["corp|eng"],
        actor="corp|agent",
        session="s1",
        request_id="r-1",
        trace_id="a" * 32,
        client_ip="127.0.0.1",
        decision_id="decision-1",
        policies=["engineers-read"],
        generation=7,
        bundle=BUNDLE,
        arguments=None,
        detail=record.detail,
        version=2,
        decided_at="2026-07-28T08:59:59.990Z",
        not_replayable=NotReplayable.CALLER_UNKNOWN,
    )
    assert "arguments" in (record.detail or "")


async def test_an_enforcer_records_for_itself(host: Host) -> None:
    assert (await host.ask(headers=bearer(KEY))).json()["decision"] is True
    assert host.store.records == []


async def test_the_enforcer_is_the_credentials_whatever_the_body_says(host: Host) -> None:
    posing = put("other", "context", "enforcer")
    await host.ask(posing, headers=bearer(KEY))
    await host.ask(posing)
    await host.client.post(RESOURCES, json=SEARCH | {"context": {"enforcer": "gateway"}}, headers=bearer(OTHER_KEY))
    await host.client.post(RESOURCES, json=SEARCH | {"context": {"enforcer": "gateway"}})
    assert [asked.context.get("enforcer") for asked in host.decider.asked] == ["gateway", None, "other", None]


async def test_what_was_asked_is_what_is_decided(host: Host) -> None:
    body = put({"n": 1, "f": 1.0, "b": True, "none": None, "deep": [{"x": []}]}, "context", "arguments")
    await host.ask(body)
    (asked,) = host.decider.asked
    assert isinstance(asked, EvaluationRequest)
    assert json.dumps(asked.context["arguments"]) == json.dumps(body["context"]["arguments"])


async def test_unknown_members_of_the_envelope_are_ignored(host: Host) -> None:
    body = QUESTION | {"future": [1], "subject": QUESTION["subject"] | {"future": {}}}
    assert (await host.ask(body)).json()["decision"] is True


async def test_what_may_be_left_out_may_be_left_out(host: Host) -> None:
    assert (await host.ask(without("context"))).status_code == 200
    assert (await host.ask(without("subject", "properties"))).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        without("subject"),
        without("action"),
        without("resource"),
        without("subject", "id"),
        without("subject", "type"),
        without("action", "name"),
        without("resource", "id"),
        without("resource", "type"),
        put(7, "subject", "id"),
        put(None, "subject", "id"),
        put([], "subject", "properties"),
        put(None, "context"),
        put([], "context"),
        put("x", "context"),
        put({"name": ["tools/call"]}, "action"),
        put("tools/call", "action"),
        [],
        [QUESTION],
        "text",
        1,
        True,
    ],
)
async def test_a_body_that_is_no_request_is_a_bad_request(host: Host, body: Any) -> None:
    answer = await host.ask(body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text
    assert (host.decider.asked, host.store.records) == ([], [])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"{",
        b"{}{}",
        b'{"subject"',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf" + json.dumps(QUESTION).encode(),
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"context":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        json.dumps(QUESTION).encode()[:-1] + b',"subject":{"type":"user","id":"corp|root"}}',
        json.dumps(QUESTION).encode().replace(b'"repo"', b'"repo":1,"repo"'),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b"18446744073709551616"),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b"-9223372036854775809"),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b"1e999"),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b"0.1234567890123456789012345"),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b"NaN"),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b'"\\ud800"'),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b'"\xc0\xaf"'),
        json.dumps(QUESTION).encode().replace(b'"/srv"', b"'x'"),
    ],
)
async def test_bytes_that_two_readers_could_read_differently_are_a_bad_request(host: Host, raw: bytes) -> None:
    for path in (EVALUATION, RESOURCES):
        answer = await host.client.post(path, content=raw, headers={"content-type": "application/json"})
        assert answer.status_code == 400
    assert (host.decider.asked, host.store.records) == ([], [])


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/jsonp", "application/x-www-form-urlencoded", "multipart/form-data", "*/*"]
)
async def test_another_media_type_is_not_read(host: Host, kind: str) -> None:
    answer = await host.client.post(EVALUATION, content=json.dumps(QUESTION), headers={"content-type": kind})
    assert answer.status_code == 415
    assert host.decider.asked == []


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"])
async def test_the_media_type_is_read_as_http_means_it(host: Host, kind: str) -> None:
    answer = await host.client.post(EVALUATION, content=json.dumps(QUESTION), headers={"content-type": kind})
    assert answer.status_code == 200


async def test_a_compressed_body_is_not_read(host: Host) -> None:
    assert (await host.ask(headers={"content-encoding": "gzip"})).status_code == 415
    assert (await host.ask(headers={"content-encoding": "identity"})).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_told_the_right_one(host: Host, method: str) -> None:
    answer = await host.client.request(method, EVALUATION)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    if method != "GET":
        assert (await host.client.request(method, "/readyz")).headers["allow"] == "GET"


@pytest.mark.parametrize("identifier", ["r-1", "a b", "x" * 1024, '"quoted"', "%0d%0a"])
async def test_the_requests_own_name_comes_back_whatever_the_answer(host: Host, identifier: str) -> None:
    headers = {"x-request-id": identifier}
    answers = [
        await host.ask(headers=headers),
        await host.ask([], headers=headers),
        await host.ask(headers=headers | {"origin": "null"}),
        await host.client.get("/nowhere", headers=headers | bearer(KEY)),
        await host.client.get(EVALUATION, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 403, 404, 405]
    assert {answer.headers["x-request-id"] for answer in answers} == {identifier}


@pytest.mark.parametrize("identifier", [b"x" * 1025, b"a\x1bb", b"\xe9", b"a\tb"])
async def test_a_name_that_cannot_be_given_back_is_refused(host: Host, identifier: bytes) -> None:
    answer = await host.client.post(EVALUATION, json=QUESTION, headers=[(b"x-request-id", identifier)])
    assert answer.status_code == 400
    assert "x-request-id" not in answer.headers


@pytest.mark.parametrize(
    "refusal",
    [
        Refused(ReasonCode.REQUEST_INVALID, "detail-secret"),
        DecisionError(ReasonCode.BUNDLE_STALE, "detail-secret"),
    ],
)
async def test_a_decider_that_refuses_is_a_denial_with_its_code(host: Host, refusal: Refused) -> None:
    host.decider.raises = refusal
    answer = await host.ask()
    assert (answer.status_code, answer.json()["decision"]) == (200, False)
    assert answer.json()["context"]["toolgate"]["reason_code"] == refusal.code
    assert "detail-secret" not in answer.text
    (record,) = host.store.records
    assert isinstance(record, DecisionRecord)
    assert (record.reason_code, record.writer) == (refusal.code, "pdp")


@pytest.mark.parametrize("path", [EVALUATION, RESOURCES])
async def test_a_decider_that_breaks_is_an_error_without_its_cause(host: Host, path: str) -> None:
    host.decider.raises = ZeroDivisionError("corp|alice's secret")
    answer = await host.client.post(path, json=QUESTION, headers={"x-request-id": "r-1"})
    assert (answer.status_code, answer.text) == (500, CALLER_TEXT[ReasonCode.INTERNAL_ERROR])
    assert answer.headers["x-request-id"] == "r-1"
    (record,) = host.store.records
    assert isinstance(record, DecisionRecord)
    assert (record.effect, record.reason_code) == (Effect.DENY, ReasonCode.INTERNAL_ERROR)
    (event,) = host.events.named("request_failed")
    assert event["error"] == "ZeroDivisionError"
    assert "secret" not in repr(host.events)


def break_log(host: Host) -> None:
    def judge(_: object) -> None:
        raise StoreUnavailableError("the decision log cannot be used: disk full")

    host.store.judge = judge


async def test_an_allow_that_cannot_be_recorded_is_a_denial(host: Host) -> None:
    break_log(host)
    answer = await host.ask()
    assert (answer.status_code, answer.json()["decision"]) == (200, False)
    assert answer.json()["context"]["toolgate"]["reason_code"] == "log_unavailable"
    assert answer.json()["context"]["toolgate"]["policies"] == []
    assert (await host.ask(headers=bearer(KEY))).json()["decision"] is True, "the enforcer's own record decides"
    assert (await host.client.post(RESOURCES, json=SEARCH)).status_code == 503


async def test_a_search_gives_what_may_be_seen_and_is_recorded(host: Host) -> None:
    answer = await host.client.post(RESOURCES, json=SEARCH)
    assert answer.json() == {
        "results": [{"type": "tool", "id": "git/git_log"}],
        "context": {"toolgate": {"generation": 7, "bundle": BUNDLE, "revocations": 0}},
    }
    (asked,) = host.decider.asked
    assert isinstance(asked, ResourceSearchRequest)
    (record,) = host.store.records
    assert isinstance(record, DecisionRecord)
    assert (record.effect, record.shown, record.principal) == (Effect.ALLOW, ["git/git_log"], "corp|alice")
    await host.client.post(RESOURCES, json=SEARCH, headers=bearer(KEY))
    assert len(host.store.records) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [(ReasonCode.REQUEST_INVALID, 400), (ReasonCode.BUNDLE_STALE, 409), (ReasonCode.INTERNAL_ERROR, 503)],
)
async def test_a_search_that_is_refused_shows_nothing_and_is_recorded(
    host: Host, code: ReasonCode, status: int
) -> None:
    host.decider.raises = Refused(code, "detail")
    answer = await host.client.post(RESOURCES, json=SEARCH)
    assert (answer.status_code, answer.text) == (status, CALLER_TEXT[code])
    (record,) = host.store.records
    assert isinstance(record, DecisionRecord)
    assert record.reason_code is code


async def test_own_records_count_without_a_gap(host: Host) -> None:
    for _ in range(3):
        await host.ask()
        await host.client.post(RESOURCES, json=SEARCH)
    assert [record.sequence for record in host.store.records] == [1, 2, 3, 4, 5, 6]
    assert len({record.boot for record in host.store.records}) == 1


async def test_a_body_over_the_bound_is_not_read() -> None:
    async with hosting(bounds=ServerBounds(max_body_bytes=1000)) as host:
        assert (await host.ask(put("x" * 1000, "context", "session"))).status_code == 413

        async def drip() -> AsyncIterator[bytes]:
            for _ in range(1000):
                yield b" " * 100

        answer = await host.client.post(EVALUATION, content=drip(), headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert host.decider.asked == []


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999", "\u0661", "0x10", ""])
async def test_a_length_that_is_none_is_refused(length: str) -> None:
    async with hosting() as host:
        headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
        answer = await host.client.post(EVALUATION, json=QUESTION, headers=headers)
        assert answer.status_code == 413


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async with hosting(bounds=ServerBounds(body_timeout=0.05)) as host:

        async def never() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        answer = await host.client.post(EVALUATION, content=never(), headers={"content-type": "application/json"})
        assert answer.status_code == 408
