import asyncio
from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.introspection.client import SecretBasic
from pdp.tokens.introspection.introspector import REFUSED_SECONDS, Introspector
from tests.unit.tokens.fetch.serving import JSON, Answering, fixed, serving
from tests.unit.tokens.introspection.endpoint import CLIENT, MAX_AGE, IssuerEndpoint, active, asking, introspector
from tests.unit.tokens.minting import NOW, Events

DOWN = fixed(b"", status="503 Service Unavailable")


async def code(asked: Introspector, token: str, *, now: float = NOW) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        await asked.verify(token, now=now)
    assert token not in f"{caught.value} {caught.value.detail} {caught.value.caller_text} {caught.value.__cause__}"
    return caught.value.code


async def test_the_issuer_is_asked_by_post_as_the_rfc_says_and_its_answer_is_believed() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint) as asked:
        assert (await asked.verify("good", now=NOW)).subject == "alice"
    head, _, body = endpoint.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /introspect HTTP/1.1\r\n")
    assert "content-type: application/x-www-form-urlencoded" in head
    assert body == "token=good&token_type_hint=access_token"


async def test_a_token_with_any_characters_arrives_as_it_is() -> None:
    token = "a&token=good+/=~%41"
    endpoint = IssuerEndpoint({token: active(sub="bob")})
    async with asking(endpoint) as asked:
        assert (await asked.verify(token, now=NOW)).subject == "bob"
    assert endpoint.asked == [token]


async def test_an_answer_is_held_and_then_asked_for_again() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint) as asked:
        for age in (0, 1, MAX_AGE - 0.1):
            assert (await asked.verify("good", now=NOW + age)).subject == "alice"
        assert len(endpoint.asked) == 1
        endpoint.tokens = {}
        assert await code(asked, "good", now=NOW + MAX_AGE) is ReasonCode.TOKEN_INVALID
    assert len(endpoint.asked) == 2


async def test_a_use_does_not_make_an_answer_younger() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint) as asked:
        for second in range(0, 2 * MAX_AGE, 3):
            await asked.verify("good", now=NOW + second)
    assert len(endpoint.asked) == 2


async def test_claims_are_never_held_beyond_the_tokens_end() -> None:
    endpoint = IssuerEndpoint({"short": active(exp=int(NOW) + 10)})
    async with asking(endpoint) as asked:
        await asked.verify("short", now=NOW)
        await asked.verify("short", now=NOW + 9.9)
        assert len(endpoint.asked) == 1
        await asked.verify("short", now=NOW + 10)  # within the leeway, and the issuer's to say
        assert len(endpoint.asked) == 2
        assert await code(asked, "short", now=NOW + 15) is ReasonCode.TOKEN_EXPIRED


async def test_a_clock_that_is_set_back_asks_again() -> None:
    endpoint = IssuerEndpoint({"good": active(iat=None)})
    async with asking(endpoint) as asked:
        await asked.verify("good", now=NOW)
        await asked.verify("good", now=NOW - 60)
    assert len(endpoint.asked) == 2


async def test_one_tokens_answer_is_never_anothers() -> None:
    endpoint = IssuerEndpoint({"one": active(sub="alice"), "two": active(sub="bob")})
    async with asking(endpoint) as asked:
        for _ in range(2):
            assert (await asked.verify("one", now=NOW)).subject == "alice"
            assert (await asked.verify("two", now=NOW)).subject == "bob"
            assert await code(asked, "One") is ReasonCode.TOKEN_INVALID


async def test_a_flood_of_one_bad_token_is_one_question_until_the_refusal_is_too_old() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint) as asked:
        codes = await asyncio.gather(*(code(asked, "bad") for _ in range(200)))
        assert {*codes, await code(asked, "bad", now=NOW + REFUSED_SECONDS - 0.1)} == {ReasonCode.TOKEN_INVALID}
        assert len(endpoint.asked) == 1
        endpoint.tokens["bad"] = active(sub="carol")
        assert (await asked.verify("bad", now=NOW + REFUSED_SECONDS)).subject == "carol"


async def test_a_token_that_was_good_and_is_not_any_more_is_one_question_too() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint) as asked:
        await asked.verify("good", now=NOW)
        endpoint.tokens = {}
        for tenth in range(40):
            assert await code(asked, "good", now=NOW + MAX_AGE + tenth / 10) is ReasonCode.TOKEN_INVALID
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (active(aud="https://other.example.com/"), ReasonCode.AUDIENCE_MISMATCH),
        (active(cnf={"kid": "1"}), ReasonCode.PROOF_INVALID),
        (active(exp=int(NOW) - 60), ReasonCode.TOKEN_EXPIRED),
    ],
)
async def test_a_held_refusal_keeps_its_reason(answer: dict[str, Any], expected: ReasonCode) -> None:
    endpoint = IssuerEndpoint({"foreign": answer})
    async with asking(endpoint) as asked:
        assert [await code(asked, "foreign") for _ in range(3)] == [expected] * 3
    assert len(endpoint.asked) == 1


async def test_callers_with_one_token_share_one_question() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint) as asked:
        found = await asyncio.gather(*(asked.verify("good", now=NOW) for _ in range(100)))
    assert {one.subject for one in found} == {"alice"}
    assert len(endpoint.asked) == 1


async def test_a_caller_that_goes_away_takes_no_others_answer_along() -> None:
    endpoint, arrived, released = IssuerEndpoint(), asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        arrived.set()
        await released.wait()

    endpoint.before = hold
    async with asking(endpoint) as asked:
        first = asyncio.create_task(asked.verify("good", now=NOW))
        await arrived.wait()
        second = asyncio.create_task(asked.verify("good", now=NOW))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        released.set()
        assert (await second).subject == "alice"
    assert len(endpoint.asked) == 1


async def test_no_more_questions_are_open_at_once_than_the_settings_allow() -> None:
    endpoint = IssuerEndpoint({f"token-{number}": active() for number in range(20)})
    async with asking(endpoint, max_concurrent=3) as asked:
        await asyncio.gather(*(asked.verify(token, now=NOW) for token in endpoint.tokens))
    assert (len(endpoint.asked), endpoint.most_open <= 3) == (20, True)


async def test_more_tokens_in_question_than_may_wait_are_refused_at_once() -> None:
    endpoint, released = IssuerEndpoint(), asyncio.Event()
    endpoint.before = released.wait
    async with asking(endpoint, max_concurrent=1, waiting=8) as asked:
        waiting = [asyncio.create_task(asked.verify(f"token-{number}", now=NOW)) for number in range(8)]
        await asyncio.sleep(0)
        assert await code(asked, "one more") is ReasonCode.ISSUER_UNAVAILABLE
        for task in waiting:
            task.cancel()
        endpoint.instead = DOWN
        released.set()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.gather(*asked._flights.values())
        endpoint.instead = None
        assert (await asked.verify("good", now=NOW)).subject == "alice"


async def test_bad_tokens_push_no_good_one_out() -> None:
    endpoint = IssuerEndpoint()
    async with asking(endpoint, entries=4) as asked:
        await asked.verify("good", now=NOW)
        for number in range(20):
            await code(asked, f"bad-{number}")
        questions = len(endpoint.asked)
        await asked.verify("good", now=NOW)
        assert len(endpoint.asked) == questions


async def drip(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n" + JSON.encode() + b"\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + JSON.encode() + b'\r\n{"active": true, "filler": "')
    while not writer.is_closing():
        writer.write(b"x" * 65536)
        await writer.drain()


async def close(_: str, writer: asyncio.StreamWriter) -> None:
    writer.close()


GOOD = b'{"active": true}'
HOSTILE: dict[str, Answering] = {
    "no answer": close,
    "status 503": DOWN,
    "status 401, our credentials are refused": fixed(GOOD, status="401 Unauthorized"),
    "status 204": fixed(b"", status="204 No Content"),
    "status 201 with an answer": fixed(GOOD, status="201 Created"),
    "html": fixed(b"<html>active</html>", headers="content-type: text/html\r\n"),
    "html called json": fixed(b"<html>active</html>"),
    "json called html": fixed(GOOD, headers="content-type: text/html\r\n"),
    "active is a text": fixed(b'{"active": "true", "sub": "alice"}'),
    "members twice": fixed(b'{"active": false, "active": true}'),
    "giant": endless,
    "slow": drip,
    "redirect": fixed(GOOD, status="307 Temporary Redirect", headers=JSON + "location: /other\r\n"),
    "redirect elsewhere": fixed(GOOD, status="302 Found", headers=JSON + "location: https://evil.example.com/\r\n"),
    "compressed": fixed(GOOD, headers=JSON + "content-encoding: gzip\r\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_lets_nobody_in_and_is_not_held(name: str) -> None:
    endpoint = IssuerEndpoint()
    endpoint.instead = HOSTILE[name]
    # Only the slow one gets so far; the others end by themselves.
    async with asking(endpoint, within=0.3 if name == "slow" else 20) as asked:
        assert await code(asked, "good") is ReasonCode.ISSUER_UNAVAILABLE
        assert endpoint.asked == ["good"]
        endpoint.instead = None
        assert (await asked.verify("good", now=NOW)).subject == "alice"


async def test_a_redirect_takes_the_token_nowhere() -> None:
    other = IssuerEndpoint()
    async with serving(other.answer) as (port, seen):
        endpoint = IssuerEndpoint()
        endpoint.instead = fixed(b"", status="307 T", headers=f"location: http://127.0.0.1:{port}/introspect\r\n")
        async with asking(endpoint) as asked:
            assert await code(asked, "good") is ReasonCode.ISSUER_UNAVAILABLE
        assert seen == []


async def test_with_the_issuer_down_held_answers_go_on_until_their_end_and_the_rest_fails() -> None:
    endpoint, events = IssuerEndpoint({"good": active(), "other": active(sub="bob")}), Events()
    async with asking(endpoint, events=events) as asked:
        await asked.verify("good", now=NOW)
        endpoint.instead = DOWN
        assert await code(asked, "other", now=NOW + 1) is ReasonCode.ISSUER_UNAVAILABLE
        assert (await asked.verify("good", now=NOW + MAX_AGE - 0.1)).subject == "alice"
        assert await code(asked, "good", now=NOW + MAX_AGE) is ReasonCode.ISSUER_UNAVAILABLE
        endpoint.instead = None
        assert (await asked.verify("other", now=NOW + MAX_AGE)).subject == "bob"
    assert [event["event"] for event in events] == ["introspection_unavailable", "introspection_resumed"]
    assert events[0]["cause"] == "`127.0.0.1` answered with status 503"
    told = str(list(events))
    assert [text for text in ("good", "other", "alice", "bob") if text in told] == []


async def test_where_nobody_listens_it_is_the_issuer_that_is_unavailable() -> None:
    async with serving(DOWN) as (port, _):
        pass
    assert await code(introspector(port), "good") is ReasonCode.ISSUER_UNAVAILABLE


async def test_time_in_the_queue_counts() -> None:
    endpoint, never = IssuerEndpoint(), asyncio.Event()
    endpoint.before = never.wait
    async with asking(endpoint, max_concurrent=1, within=0.2) as asked:
        codes = await asyncio.gather(*(code(asked, f"token-{number}") for number in range(20)))
        assert set(codes) == {ReasonCode.ISSUER_UNAVAILABLE}
        assert len(endpoint.asked) < 3
        never.set()


async def test_who_asks_without_the_secret_learns_nothing() -> None:
    endpoint = IssuerEndpoint()
    async with serving(endpoint.answer) as (port, requests):
        endpoint.requests = requests
        wrong = introspector(port, client=SecretBasic(CLIENT, "wrong"))
        assert await code(wrong, "good") is ReasonCode.ISSUER_UNAVAILABLE
