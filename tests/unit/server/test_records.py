import json
from typing import Any

import httpx
import msgspec
import pytest

from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.contract.record_terms import DriftState
from tests.unit.audit.sample import HOSTILE, comparison, decision, drift, outcome
from tests.unit.server.hosting import KEY, OTHER_KEY, Host, bearer, hosting


async def bring(host: Host, body: Any, *, key: str = KEY) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = bearer(key) | {"content-type": "application/json"}
    return await host.client.post("/v1/records", content=content, headers=headers)


def plain(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.to_builtins(decision(1))
    return {name: value for name, value in (record | changes).items() if value is not ...}


async def test_one_record_and_a_list_are_both_taken() -> None:
    async with hosting() as host:
        one = await bring(host, decision(1))
        assert (one.status_code, one.json()) == (200, {"committed": 1})
        several = await bring(host, [outcome(2), decision(3)])
        assert (several.status_code, several.json()) == (200, {"committed": 2})
        assert (await bring(host, [])).json() == {"committed": 0}
        assert host.store.records == [decision(1), outcome(2), decision(3)]


async def test_what_became_of_tools_is_taken_and_counted_by_state() -> None:
    async with hosting() as host:
        given = [drift(1), drift(2, state=DriftState.UNKNOWN, tool=None, count=9000), drift(3)]
        assert (await bring(host, given)).json() == {"committed": 3}
        assert host.store.records == given
        text = (await host.client.get("/metrics")).text
        assert 'toolgate_drifts_total{state="changed"} 2.0' in text
        assert 'toolgate_drifts_total{state="unknown"} 9000.0' in text


async def test_hostile_content_is_content() -> None:
    given = [decision(n + 1, detail=text, tool=text, groups=[text]) for n, text in enumerate(HOSTILE)]
    async with hosting() as host:
        assert (await bring(host, given)).status_code == 200
        assert host.store.records == given


async def test_the_answer_comes_after_the_commit_or_says_that_there_is_none() -> None:
    def judge(_: object) -> None:
        raise StoreUnavailableError("the decision log cannot be used: disk full")

    async with hosting() as host:
        host.store.judge = judge
        answer = await bring(host, decision(1))
        assert (answer.status_code, answer.text) == (503, CALLER_TEXT[ReasonCode.LOG_UNAVAILABLE])
        assert host.store.records == []


@pytest.mark.parametrize("writer", ["other", "pdp", "Gateway", "gateway ", "gate\0way"])
async def test_nobody_records_in_anothers_name(writer: str) -> None:
    async with hosting() as host:
        assert (await bring(host, [decision(1), decision(2, writer=writer)])).status_code == 403
        assert host.store.records == []
        assert (await bring(host, decision(1), key=OTHER_KEY)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        1,
        "x",
        None,
        [[]],
        [1],
        plain(kind="other"),
        plain(kind=...),
        plain(future=1),
        plain(effect="maybe"),
        plain(reason_code="because"),
        plain(sequence=0),
        plain(sequence=-1),
        plain(sequence=1.0),
        plain(sequence="1"),
        plain(sequence=True),
        plain(sequence=2**63),
        plain(sequence=2**64 - 1),
        plain(latency_us=-1),
        plain(generation=-1),
        plain(generation=2**63),
        plain(id=""),
        plain(id="x" * 257),
        plain(boot=""),
        plain(writer=""),
        plain(time=""),
        plain(time="2026-07-28T09:00:00Z"),
        plain(time="2026-07-28T09:00:00.000+00:00"),
        plain(time="2026-07-28 09:00:00.000Z"),
        plain(time="9999999-07-28T09:00:00.000Z"),
        plain(time="2026-13-28T09:00:00.000Z"),
        plain(time="2026-07-28T09:00:00.000Z\n"),
        plain(time="\u0662026-07-28T09:00:00.000Z"),
        plain(groups=[1]),
        plain(arguments=[]),
        msgspec.to_builtins(outcome(1, result_bytes=-1)),
        msgspec.to_builtins(outcome(1, decision="")),
        msgspec.to_builtins(drift(1, count=0)),
        msgspec.to_builtins(drift(1, count=2**63)),
        msgspec.to_builtins(drift(1, server="")),
        msgspec.to_builtins(drift(1, state="fine")),
        msgspec.to_builtins(drift(1)) | {"effect": "allow"},
        msgspec.to_builtins(comparison(1, writer="gateway")),
        b"[" * 10_000,
        json.dumps(plain()).encode()[:-1] + b',"principal":"corp|root"}',
    ],
)
async def test_what_is_no_record_takes_none_with_it(body: Any) -> None:
    async with hosting() as host:
        assert (await bring(host, body)).status_code == 400
        if not isinstance(body, bytes):
            assert (await bring(host, [plain(), body])).status_code == 400
        assert host.store.records == []


async def test_a_refusal_quotes_no_record() -> None:
    async with hosting() as host:
        answer = await bring(host, plain(effect="hunter2", reason_code="hunter2"))
        assert (answer.status_code, "hunter2" in answer.text) == (400, False)


async def test_a_list_has_a_bound() -> None:
    async with hosting() as host:
        assert (await bring(host, [decision(n) for n in range(1, 1001)])).status_code == 200
        assert (await bring(host, [decision(n) for n in range(1, 1002)])).status_code == 413
        assert len(host.store.records) == 1000
