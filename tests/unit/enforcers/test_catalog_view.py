import asyncio
from collections.abc import Sequence

import pytest
import structlog

from enforcers.catalog_view import CatalogView
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import CatalogHead
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.run_head import RunHead
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapping import IdentityMapping
from tests.unit.enforcers.chain_host import CATALOG

MAPPINGS = {"built-in": BUILT_IN, "other": IdentityMapping(default=BUILT_IN.default)}


class Source:
    """A decision point of which one can say what it was asked, in what order, and hold it up."""

    def __init__(self) -> None:
        self.name = "one"
        self.maps_by = "built-in"
        self.catalogs = {"one": CATALOG, "two": Catalog([])}
        self.generation = 1
        self.asked: list[str] = []
        self.told: list[int | None] = []
        self.fails: DecisionError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def catalog_head(self, *, using: int | None, records: Sequence[RunHead] = ()) -> CatalogHead:
        self.asked.append("name")
        self.told.append(using)
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return CatalogHead(self.name, self.generation, self.maps_by)

    async def catalog(self, name: str) -> Catalog:
        self.asked.append(name)
        return self.catalogs[name]

    async def mapping(self, name: str) -> IdentityMapping:
        self.asked.append(name)
        if name not in MAPPINGS:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, "no such mapping")
        return MAPPINGS[name]


class Bench:
    def __init__(self) -> None:
        self.now = 0.0
        self.source = Source()
        self.view = CatalogView(self.source, max_age=10, steady=lambda: self.now, log=structlog.get_logger())

    async def settle(self) -> None:
        """Let what goes on in the background come to its end."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_young_catalog_is_used_without_asking(bench: Bench) -> None:
    for bench.now in (0.0, 1.0, 4.9):
        assert await bench.view.current() is CATALOG
    assert bench.source.asked == ["name", "one", "built-in"]


async def test_content_is_fetched_only_when_it_is_another(bench: Bench) -> None:
    for now in range(0, 100, 6):
        bench.now = now
        assert await bench.view.current() is CATALOG
        await bench.settle()
    assert bench.source.asked.count("one") == 1
    bench.source.name = "two"
    bench.now = 200.0
    assert await bench.view.current() is bench.source.catalogs["two"]


async def test_nobody_waits_for_a_question_while_what_is_held_is_young_enough(bench: Bench) -> None:
    await bench.view.current()
    bench.source.gate.clear()
    bench.source.name, bench.now = "two", 6.0
    assert await bench.view.current() is CATALOG
    bench.source.gate.set()
    await bench.settle()
    assert await bench.view.current() is bench.source.catalogs["two"]


async def test_an_age_counts_from_when_the_question_was_asked(bench: Bench) -> None:
    await bench.view.current()
    bench.source.gate.clear()
    bench.now = 6.0
    await bench.view.current()
    await bench.settle()
    bench.now = 15.0
    bench.source.gate.set()
    await bench.settle()
    assert bench.source.asked == ["name", "one", "built-in", "name"]
    assert await bench.view.current() is CATALOG
    await bench.settle()
    assert bench.source.asked == ["name", "one", "built-in", "name", "name"]


async def test_a_failed_refresh_denies_only_once_what_is_held_is_too_old(bench: Bench) -> None:
    await bench.view.current()
    bench.source.fails = DecisionError(ReasonCode.BUNDLE_UNTRUSTED, "another digest")
    for bench.now in (6.0, 9.9):
        assert await bench.view.current() is CATALOG
        await bench.settle()
    bench.now = 10.0
    with pytest.raises(DecisionError) as refused:
        await bench.view.current()
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    bench.source.fails = None
    assert await bench.view.current() is CATALOG


async def test_one_question_at_a_time_and_nobody_who_goes_away_takes_it_along(bench: Bench) -> None:
    bench.source.gate.clear()
    waiting = [asyncio.create_task(bench.view.current()) for _ in range(100)]
    await bench.settle()
    waiting[0].cancel()
    await bench.settle()
    bench.source.gate.set()
    assert await asyncio.gather(*waiting[1:]) == [CATALOG] * 99
    assert bench.source.asked == ["name", "one", "built-in"]


async def test_closing_ends_what_goes_on(bench: Bench) -> None:
    bench.source.gate.clear()
    waiting = asyncio.create_task(bench.view.current())
    await bench.settle()
    await bench.view.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_catalog_and_mapping_are_of_one_generation_also_while_one_of_them_cannot_be_had(bench: Bench) -> None:
    await bench.view.current()
    bench.source.name, bench.source.maps_by, bench.now = "two", "nowhere", 6.0
    await bench.view.current()
    await bench.settle()
    assert (await bench.view.current(), await bench.view.mapping()) == (CATALOG, BUILT_IN)
    bench.source.maps_by = "other"
    await bench.settle()
    await bench.view.current()
    await bench.settle()
    assert await bench.view.current() is bench.source.catalogs["two"]
    assert await bench.view.mapping() is MAPPINGS["other"]


async def test_another_mapping_alone_leaves_the_catalog_the_same_object(bench: Bench) -> None:
    before = await bench.view.current()
    bench.source.maps_by, bench.now = "other", 11.0
    assert await bench.view.mapping() is MAPPINGS["other"]
    assert await bench.view.current() is before
    assert bench.source.asked == ["name", "one", "built-in", "name", "other"]


async def test_a_stale_mapping_is_asked_after_once_for_all_who_have_it_however_young_it_is(bench: Bench) -> None:
    await bench.view.current()
    bench.source.maps_by = "other"
    assert await asyncio.gather(*(bench.view.mapping_after("built-in") for _ in range(50))) == [MAPPINGS["other"]] * 50
    assert bench.source.asked == ["name", "one", "built-in", "name", "other"]


async def test_a_question_from_before_the_mapping_changed_does_not_answer_for_it(bench: Bench) -> None:
    await bench.view.current()
    bench.source.gate.clear()
    bench.now = 6.0
    await bench.view.current()
    await bench.settle()
    waiting = asyncio.create_task(bench.view.mapping_after("built-in"))
    await bench.settle()
    bench.source.gate.set()
    await bench.settle()
    assert await waiting is BUILT_IN
    assert bench.source.asked == ["name", "one", "built-in", "name", "name"]


async def test_each_question_tells_which_generation_is_in_use_and_none_that_could_not_be_had(bench: Bench) -> None:
    await bench.view.current()
    bench.source.generation, bench.now = 2, 11.0
    await bench.view.current()
    bench.source.generation, bench.source.name, bench.now = 3, "missing", 22.0
    with pytest.raises(KeyError):
        await bench.view.current()
    bench.source.name = "two"
    await bench.view.current()
    bench.now = 33.0
    await bench.view.current()
    assert bench.source.told == [None, 1, 2, 2, 3]
