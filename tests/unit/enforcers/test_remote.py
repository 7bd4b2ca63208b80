import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from enforcers import remote
from enforcers.pdp_credential import KeyCredential
from enforcers.remote import RemoteDecisionPoint
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    Action,
    CatalogHead,
    EvaluationRequest,
    Resource,
    ResourceKind,
    ResourceSearchRequest,
    Subject,
)
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import DecisionError, RecordError, RecordsRefusedError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import OutcomeRecord
from pdp.core.contract.run_head import RunHead
from pdp.core.contract.sealed import seal
from pdp.core.identity.builtin import BUILT_IN
from tests.unit.audit.sample import outcome

ASK = EvaluationRequest(Subject("user", "a|b"), Action("tools/call"), Resource("tool", "s/t"))
FIND = ResourceSearchRequest(Subject("user", "a|b"), Action("tools/call"), ResourceKind("tool"))
RECORD: OutcomeRecord = outcome(1)
GOOD = (
    b'{"decision":true,"context":{"toolgate":'
    b'{"decision_id":"d","reason_code":"allowed","generation":1,"bundle":"sha256:0"}}}'
)
CONTENT_OF_RECORD = seal(RECORD).content

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A server that answers everything with `handler`; its URL."""
    server = web.Server(handler)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(*urls: str, within: float = 5) -> AsyncIterator[RemoteDecisionPoint]:
    point = RemoteDecisionPoint(urls, credential=KeyCredential("key"), timeout=within)
    try:
        yield point
    finally:
        await point.aclose()


def answering(body: bytes, *, status: int = 200) -> Handler:
    async def handler(request: web.BaseRequest) -> web.Response:
        await request.read()
        headers = {"Location": "http://127.0.0.1:1/"} if status == 307 else {}
        return web.Response(body=body, status=status, headers=headers)

    return handler


async def test_the_key_goes_along_and_the_answer_comes_back() -> None:
    seen = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append((request.path, request.headers["Authorization"]))
        return web.Response(body=GOOD)

    async with serving(handler) as url, asking(url + "/") as point:
        response, _ = await point.decide(ASK)
    assert response.decision is True
    assert seen == [("/access/v1/evaluation", "Bearer key")]


@pytest.mark.parametrize(
    "handler",
    [
        answering(GOOD, status=500),
        answering(GOOD, status=401),
        answering(GOOD, status=307),
        answering(b""),
        answering(b"{"),
        answering(b"{}"),
        answering(b'{"decision":true}'),
        answering(GOOD.replace(b"true", b'"true"')),
        answering(GOOD.replace(b"true", b"1")),
        answering(GOOD.replace(b'"allowed"', b'"a_code_of_tomorrow"')),
        answering(GOOD.replace(b'"generation":1,', b"")),
        answering(b"[" * 100_000),
        answering(b"\xff\xfe"),
    ],
)
async def test_whatever_is_no_decision_is_none(handler: Handler) -> None:
    async with serving(handler) as url, asking(url) as point:
        for asked in (point.decide(ASK), point.search(FIND), point.catalog_head(using=None)):
            with pytest.raises(DecisionError) as refused:
                await asked
            assert refused.value.code is ReasonCode.PDP_UNREACHABLE


CONTENT = Catalog([]).to_json()
NAME = digest_of(CONTENT)
HEAD = CatalogHead(NAME, 1, BUILT_IN.digest)


def holding(content: bytes) -> Handler:
    """A decision point that has `content` under every digest."""

    async def handler(request: web.BaseRequest) -> web.Response:
        head = msgspec.json.encode(HEAD)
        return web.Response(body=head if request.path == "/v1/catalog" else content)

    return handler


async def test_the_catalog_is_had_by_the_digest_of_its_bytes() -> None:
    async with serving(holding(CONTENT)) as url, asking(url) as point:
        assert await point.catalog_head(using=None) == HEAD
        assert (await point.catalog(NAME)).to_json() == CONTENT


async def test_the_decision_point_is_told_which_generation_is_in_use() -> None:
    told = []

    async def handler(request: web.BaseRequest) -> web.Response:
        told.append((request.path, request.headers.get("Toolgate-Generation")))
        return web.Response(body=msgspec.json.encode(HEAD) if request.path == "/v1/catalog" else GOOD)

    async with serving(handler) as url, asking("http://127.0.0.1:9", url) as point:
        await point.catalog_head(using=None)
        await point.catalog_head(using=12)
        await point.decide(ASK)
    assert told == [("/v1/catalog", None), ("/v1/catalog", "12"), ("/access/v1/evaluation", None)]


async def test_the_mapping_is_had_by_the_digest_of_its_bytes_and_no_other_is_trusted() -> None:
    async with serving(holding(BUILT_IN.to_json())) as url, asking(url) as point:
        assert await point.mapping(BUILT_IN.digest) == BUILT_IN
        with pytest.raises(DecisionError) as refused:
            await point.mapping(NAME)
        assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    async with serving(holding(CONTENT)) as url, asking(url) as point:
        with pytest.raises(DecisionError) as refused:
            await point.mapping(NAME)
        assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


async def test_a_search_by_a_subject_of_another_mapping_says_so_without_asking_elsewhere() -> None:
    async with serving(answering(b"{}", status=409)) as url, asking(url, "http://127.0.0.1:9") as point:
        with pytest.raises(DecisionError) as refused:
            await point.search(FIND)
        assert refused.value.code is ReasonCode.BUNDLE_STALE


@pytest.mark.parametrize("content", [b"", CONTENT + b" ", CONTENT[:-1], Catalog([]).to_json().replace(b"{", b"{ ", 1)])
async def test_a_catalog_with_another_digest_is_not_trusted(content: bytes) -> None:
    async with serving(holding(content)) as url, asking(url) as point:
        with pytest.raises(DecisionError) as refused:
            await point.catalog(NAME)
        assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


async def test_bytes_with_the_right_digest_that_are_no_catalog_are_not_trusted() -> None:
    async with serving(holding(b"[]")) as url, asking(url) as point:
        with pytest.raises(DecisionError) as refused:
            await point.catalog(digest_of(b"[]"))
        assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


@pytest.mark.parametrize("name", ["", "sha256:../../v1/records", "sha256:" + "A" * 64, NAME + "/x", "md5:0"])
async def test_only_a_digest_is_asked_for(name: str) -> None:
    async with asking("http://127.0.0.1:9") as point:
        with pytest.raises(DecisionError) as refused:
            await point.catalog(name)
        assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


async def test_a_decision_point_that_does_not_hold_the_catalog_is_passed_over() -> None:
    async with serving(answering(b"", status=404)) as empty, serving(holding(CONTENT)) as url:
        async with asking(empty, url) as point:
            assert (await point.catalog(NAME)).to_json() == CONTENT
        async with asking(empty) as point:
            with pytest.raises(DecisionError) as refused:
                await point.catalog(NAME)
            assert refused.value.code is ReasonCode.PDP_UNREACHABLE


async def test_a_catalog_over_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_MAX_ANSWER", len(CONTENT) - 1)
    async with serving(holding(CONTENT)) as url, asking(url) as point:
        with pytest.raises(DecisionError):
            await point.catalog(NAME)


async def test_many_records_go_in_requests_that_are_taken() -> None:
    sizes = []

    async def handler(request: web.BaseRequest) -> web.Response:
        sizes.append(len(await request.json()))
        return web.Response(body=b"{}")

    async with serving(handler) as url, asking(url) as point:
        await point.deliver([CONTENT_OF_RECORD] * 501, heads=())
        await point.deliver([], heads=())
    assert sizes == [250, 250, 1]


async def test_of_many_records_none_may_be_lost_unnoticed() -> None:
    statuses = iter([200, 503])

    async def handler(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(status=next(statuses))

    async with serving(handler) as url, asking(url) as point:
        with pytest.raises(RecordError):
            await point.deliver([CONTENT_OF_RECORD] * 251, heads=())


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_MAX_ANSWER", 1000)

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        for _ in range(1000):
            await stream.write(b" " * 1000)
        return stream

    async with serving(endless) as url, asking(url) as point:
        with pytest.raises(DecisionError):
            await point.decide(ASK)


async def test_records_go_as_they_are_with_how_far_the_runs_are() -> None:
    came = []

    async def handler(request: web.BaseRequest) -> web.Response:
        came.append((await request.read(), request.headers.get("Toolgate-Records")))
        return web.Response(body=b"{}")

    heads = [RunHead("boot-2", 7), RunHead("boot-1", 300)]
    async with serving(handler) as url, asking(url) as point:
        await point.deliver([b'{"b":1.0}', b'{"a":2}'], heads=heads)
    assert came == [(b'[{"b":1.0},{"a":2}]', "boot-2;7,boot-1;300")]


async def test_a_request_has_at_most_a_mebibyte_where_it_is_not_one_record() -> None:
    sizes = []

    async def handler(request: web.BaseRequest) -> web.Response:
        sizes.append(len(await request.json()))
        return web.Response(body=b"{}")

    half, whole = b'"' + b"x" * 500_000 + b'"', b'"' + b"x" * 1_048_000 + b'"'
    async with serving(handler) as url, asking(url) as point:
        await point.deliver([half, half, half, whole, half], heads=())
    assert sizes == [2, 1, 1, 1]


@pytest.mark.parametrize("status", [401, 404, 409, 429, 500, 502, 503])
async def test_records_that_are_not_taken_now_may_be_taken_another_time(status: int) -> None:
    async with serving(answering(b"", status=status)) as url, asking(url) as point:
        with pytest.raises(RecordError) as raised:
            await point.deliver([CONTENT_OF_RECORD], heads=())
    assert type(raised.value) is RecordError


@pytest.mark.parametrize("statuses", [(400, 503), (503, 400), (403, 404), (400, 200)])
async def test_records_are_not_given_up_while_one_decision_point_may_take_them(statuses: tuple[int, int]) -> None:
    first, second = (serving(answering(b"", status=status)) for status in statuses)
    async with first as one, second as other, asking(one, other) as point:
        if 200 in statuses:
            await point.deliver([CONTENT_OF_RECORD], heads=())
        else:
            with pytest.raises(RecordError) as raised:
                await point.deliver([CONTENT_OF_RECORD], heads=())
            assert type(raised.value) is RecordError


@pytest.mark.parametrize("status", [400, 403, 413])
async def test_a_record_that_every_decision_point_refuses_is_refused_for_good(status: int) -> None:
    async with serving(answering(b"", status=status)) as url, asking(url, url) as point:
        with pytest.raises(RecordsRefusedError, match=f"HTTP status {status}"):
            await point.deliver([CONTENT_OF_RECORD], heads=())


async def test_a_decision_point_that_hangs_costs_no_more_than_the_timeout() -> None:
    released = asyncio.Event()

    async def hang(_: web.BaseRequest) -> web.Response:
        await released.wait()
        return web.Response(body=GOOD)

    async with serving(hang) as url, asking(url, within=0.05) as point:
        with pytest.raises(DecisionError):
            await point.decide(ASK)
        released.set()


async def test_the_next_decision_point_answers_where_one_is_gone() -> None:
    async with serving(answering(GOOD)) as url, asking("http://127.0.0.1:9", url) as point:
        response, _ = await point.decide(ASK)
    assert response.decision is True


async def test_without_any_decision_point_there_is_no_decision() -> None:
    async with asking("http://127.0.0.1:9") as point:
        with pytest.raises(DecisionError):
            await point.decide(ASK)
        with pytest.raises(RecordError):
            await point.deliver([CONTENT_OF_RECORD], heads=())
