from typing import Any

import pytest

from enforcers.cache import CachedDecisions
from enforcers.testing.decision_point import InMemoryDecisionPoint, answer
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    Action,
    EvaluationRequest,
    EvaluationResponse,
    Resource,
    ResourceKind,
    ResourceSearchRequest,
    Subject,
)
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DecisionOrigin


def ask(
    *, subject: str = "a", properties: dict[str, Any] | None = None, tool: str = "t", **arguments: Any
) -> EvaluationRequest:
    return EvaluationRequest(
        Subject("user", subject, properties or {}),
        Action("tools/call"),
        Resource("tool", tool),
        {"arguments": arguments},
    )


class Bench:
    def __init__(self, *, max_age: int = 5000, max_staleness: float = 10) -> None:
        self.now = 0.0
        self.took = 0.0
        self.bundle = "sha256:1"
        self.max_age = max_age
        self.point = InMemoryDecisionPoint(Catalog([]), decide=self._decide)
        self.cache = CachedDecisions(self.point, entries=100, max_staleness=max_staleness, steady=lambda: self.now)

    def _decide(self, request: EvaluationRequest) -> EvaluationResponse:
        self.now += self.took
        return answer(ReasonCode.ALLOWED, bundle=self.bundle, max_age=self.max_age)

    async def origins(self, *requests: EvaluationRequest) -> list[DecisionOrigin]:
        return [(await self.cache.decide(request))[1] for request in requests]


FRESH, CACHED = DecisionOrigin.FRESH, DecisionOrigin.CACHED


async def test_an_equal_request_is_answered_again() -> None:
    assert await Bench().origins(ask(x=1), ask(x=1)) == [FRESH, CACHED]


@pytest.mark.parametrize(
    "other",
    [
        ask(x=1, subject="b"),
        ask(x=1, properties={"groups": ["g"]}),
        ask(x=1, tool="u"),
        ask(x=2),
        ask(x=1.0),
        ask(x=True),
        ask(x="1"),
        ask(x=None),
        ask(),
        ask(x=1, y=None),
        ask(x=[1]),
    ],
)
async def test_an_allow_for_one_request_never_answers_for_another(other: EvaluationRequest) -> None:
    assert await Bench().origins(ask(x=1), other) == [FRESH, FRESH]


async def test_an_answer_is_not_used_after_its_age() -> None:
    bench = Bench(max_age=5000)
    await bench.origins(ask())
    bench.now = 4.999
    assert await bench.origins(ask()) == [CACHED]
    bench.now = 5.0
    assert await bench.origins(ask()) == [FRESH]


async def test_max_staleness_bounds_what_the_answer_allows() -> None:
    bench = Bench(max_age=60_000, max_staleness=2)
    await bench.origins(ask())
    bench.now = 2.0
    assert await bench.origins(ask()) == [FRESH]


async def test_an_age_counts_from_when_the_request_was_sent() -> None:
    bench = Bench(max_age=5000)
    bench.took = 4.0
    await bench.origins(ask())
    bench.now, bench.took = 5.0, 0.0
    assert await bench.origins(ask()) == [FRESH]


async def test_an_answer_without_an_age_is_not_kept() -> None:
    assert await Bench(max_age=0).origins(ask(), ask()) == [FRESH, FRESH]


async def test_any_change_of_bundle_clears_everything() -> None:
    bench = Bench()
    await bench.origins(ask(x=1))
    bench.bundle = "sha256:2"
    assert await bench.origins(ask(x=2), ask(x=1)) == [FRESH, FRESH]


async def test_a_list_from_another_bundle_clears_everything_too() -> None:
    bench = Bench()
    await bench.origins(ask(x=1))
    await bench.cache.search(ResourceSearchRequest(Subject("user", "a"), Action("tools/call"), ResourceKind("tool")))
    assert await bench.origins(ask(x=1)) == [FRESH]
