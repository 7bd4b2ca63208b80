import asyncio

import pytest
import structlog

from enforcers.catalog_view import CatalogView
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.reason_code import ReasonCode
from tests.unit.enforcers.chain_host import CATALOG


class Source:
    """A decision point of which one can say what it was asked, in what order, and hold it up."""

    def __init__(self) -> None:
        self.name = "one"
        self.catalogs = {"one": CATALOG, "two": Catalog([])}
        self.asked: list[str] = []
        self.fails: DecisionError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def catalog_name(self) -> str:
        self.asked.append("name")
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        return self.name

    async def catalog(self, name: str) -> Catalog:
        self.asked.append(name)
        return self.catalogs[name]


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
    assert bench.source.asked == ["name", "one"]


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
    assert bench.source.asked == ["name", "one", "name"]
    assert await bench.view.current() is CATALOG
    await bench.settle()
    assert bench.source.asked == ["name", "one", "name", "name"]


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
    assert bench.source.asked == ["name", "one"]


async def test_closing_ends_what_goes_on(bench: Bench) -> None:
    bench.source.gate.clear()
    waiting = asyncio.create_task(bench.view.current())
    await bench.settle()
    await bench.view.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
