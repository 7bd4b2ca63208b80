import asyncio
from collections.abc import Iterable

import pytest

from enforcers.cache import CachedDecisions
from enforcers.generations import Generations
from enforcers.testing.decision_point import answer
from pdp.core.contract.authzen import (
    Action,
    EvaluationRequest,
    EvaluationResponse,
    Resource,
    ResourceKind,
    ResourceSearchRequest,
    ResourceSearchResponse,
    SearchAnswerContext,
    SearchContext,
    Subject,
)
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DecisionOrigin
from tests.unit.enforcers.chain_host import Host, call
from tests.unit.tokens.minting import Events

ASK = EvaluationRequest(Subject("user", "a|b"), Action("tools/call"), Resource("tool", "s/t"))
FIND = ResourceSearchRequest(Subject("user", "a|b"), Action("tools/call"), ResourceKind("tool"))
A, B = "sha256:a", "sha256:b"


class Points:
    """Decision points that answer in turn, each under the generation and bundle it has."""

    def __init__(self, names: Iterable[tuple[int, str]]) -> None:
        self.names = list(names)
        self.asked = 0

    def _next(self) -> tuple[int, str]:
        self.asked += 1
        return self.names.pop(0)

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        generation, bundle = self._next()
        given = answer(ReasonCode.ALLOWED, generation=generation, bundle=bundle, max_age=5000)
        return given, DecisionOrigin.FRESH

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        return ResourceSearchResponse([], SearchAnswerContext(SearchContext(*self._next())))


def over(*names: tuple[int, str], events: Events | None = None) -> tuple[Generations, Points]:
    points = Points(names)
    return Generations(points, log=(Events() if events is None else events).log()), points


async def decided(source: Generations) -> tuple[int, str]:
    told = (await source.decide(ASK))[0].context.toolgate
    return told.generation, told.bundle


async def searched(source: Generations) -> tuple[int, str]:
    told = (await source.search(FIND)).context.toolgate
    return told.generation, told.bundle


async def code_of(source: Generations) -> ReasonCode:
    with pytest.raises(DecisionError) as refused:
        await source.decide(ASK)
    return refused.value.code


async def test_answers_go_on_under_the_same_generation_and_newer_ones() -> None:
    source, points = over((7, A), (7, A), (8, B), (9, A))
    assert [await decided(source) for _ in range(4)] == [(7, A), (7, A), (8, B), (9, A)]
    assert points.asked == 4


async def test_an_older_answer_is_not_used_but_asked_for_once_more() -> None:
    source, points = over((8, B), (7, A), (8, B), (7, A), (9, A))
    assert [await decided(source), await decided(source), await searched(source)] == [(8, B), (8, B), (9, A)]
    assert points.asked == 5


async def test_what_is_older_again_is_a_denial_whose_code_says_so() -> None:
    events = Events()
    source, points = over((8, B), (7, A), (6, A), (8, B), events=events)
    await decided(source)
    assert await code_of(source) is ReasonCode.BUNDLE_STALE
    assert [event["generation"] for event in events.named("answer_of_older_generation")] == [6]
    assert await decided(source) == (8, B)
    assert points.asked == 4


@pytest.mark.parametrize("second", [(8, A), (7, A), (9, B)])
async def test_one_generation_with_two_bundles_is_not_trusted(second: tuple[int, str]) -> None:
    events = Events()
    source, points = over((8, B), second, (8, A), (8, B), events=events)
    await decided(source)
    if second == (9, B):
        assert await decided(source) == (9, B)
        assert await code_of(source) is ReasonCode.BUNDLE_STALE
        assert events.named("generation_with_two_bundles") == []
        return
    assert await code_of(source) is ReasonCode.BUNDLE_UNTRUSTED
    assert [event["known"] for event in events.named("generation_with_two_bundles")] == [B]
    assert points.asked == (2 if second == (8, A) else 3), "what is not trusted is not asked for again"


async def test_a_search_teaches_decisions_and_the_other_way_round() -> None:
    source, _ = over((8, B), (7, A), (7, A))
    await searched(source)
    assert await code_of(source) is ReasonCode.BUNDLE_STALE
    source, _ = over((8, B), (8, A))
    await decided(source)
    with pytest.raises(DecisionError) as refused:
        await searched(source)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


async def test_an_answer_that_was_under_way_when_a_newer_one_came_is_not_used() -> None:
    gate = asyncio.Event()

    class Slow(Points):
        async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
            found = await super().decide(request)
            if self.asked == 1:
                await gate.wait()
            return found

    points = Slow([(7, A), (8, B), (8, B)])
    source = Generations(points, log=Events().log())
    slow = asyncio.create_task(decided(source))
    await asyncio.sleep(0)
    assert await decided(source) == (8, B)
    gate.set()
    assert await slow == (8, B)


async def test_a_cached_answer_of_an_older_generation_is_never_used_again_though_its_bundle_is_the_same() -> None:
    source, points = over((7, A), (8, A), (8, A))
    cache = CachedDecisions(source, entries=10, max_staleness=10, steady=lambda: 0.0)
    await cache.decide(ASK)
    assert (await cache.decide(ASK))[1] is DecisionOrigin.CACHED
    await cache.search(FIND)
    assert (await cache.decide(ASK))[1] is DecisionOrigin.FRESH
    assert points.asked == 3


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([(8, B), (7, A), (7, A)], ReasonCode.BUNDLE_STALE),
        ([(8, B), (8, A)], ReasonCode.BUNDLE_UNTRUSTED),
    ],
)
async def test_in_the_chain_both_are_denials_on_record_and_nothing_is_forwarded(
    names: list[tuple[int, str]], code: ReasonCode
) -> None:
    host = Host()
    host.chain._decisions, _ = over(*names)
    who = await host.alice()
    await host.chain.call(call(), who=who)
    host.upstream.calls.clear()
    await host.chain.call(call(), who=who)
    assert host.upstream.calls == []
    assert [record.reason_code for record in host.point.decisions] == [ReasonCode.ALLOWED, code]
