import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pdp.tokens.fetch.kept import COOLDOWN_SECONDS, KEEP_SECONDS, Kept
from pdp.tokens.fetch.unavailable import UnavailableError
from tests.unit.tokens.minting import NOW, Events

MAX_AGE = 600.0
SOON = MAX_AGE * 0.75
OUTAGE = UnavailableError("it is down")


class Source:
    """Gives `answer`, or raises it."""

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.times: list[float] = []
        self.before: Callable[[], Awaitable[Any]] | None = None

    async def fetch(self, now: float) -> str:
        self.times.append(now)
        if self.before is not None:
            await self.before()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def keep(source: Source, events: Events | None = None) -> Kept[str]:
    return Kept(source.fetch, what="thing", max_age=MAX_AGE, log=(Events() if events is None else events).log())


async def landed(kept: Kept[str]) -> None:
    async with asyncio.timeout(20):
        while kept.is_in_flight:  # noqa: ASYNC110 - what is waited for runs in this loop and takes a few turns
            await asyncio.sleep(0)


async def departed(source: Source, fetches: int) -> None:
    async with asyncio.timeout(20):
        while len(source.times) < fetches:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)


async def test_a_value_is_fetched_once_while_it_is_young() -> None:
    source = Source("old")
    kept = keep(source)
    for second in range(0, int(SOON), 30):
        assert await kept.obtain(now=NOW + second) == "old"
    assert source.times == [NOW]


async def test_a_value_in_use_is_renewed_before_its_age_ends_and_nobody_waits() -> None:
    source = Source("old")
    kept = keep(source)
    await kept.obtain(now=NOW)
    gate = asyncio.Event()
    source.answer, source.before = "new", gate.wait
    for _ in range(3):
        assert await kept.obtain(now=NOW + SOON) == "old"
    gate.set()
    await landed(kept)
    assert await kept.obtain(now=NOW + SOON + 1) == "new"
    assert source.times == [NOW, NOW + SOON]


async def test_a_value_over_its_age_is_not_used_before_it_was_fetched_again() -> None:
    source, gate = Source("old"), asyncio.Event()
    kept = keep(source)
    await kept.obtain(now=NOW)
    source.answer, source.before = "new", gate.wait
    askers = [asyncio.create_task(kept.obtain(now=NOW + MAX_AGE)) for _ in range(20)]
    await departed(source, 2)
    gate.set()
    assert set(await asyncio.gather(*askers)) == {"new"}
    assert len(source.times) == 2


async def test_an_asker_that_goes_away_takes_no_other_with_it() -> None:
    source, gate = Source("old"), asyncio.Event()
    source.before = gate.wait
    kept = keep(source)
    first, second = (asyncio.create_task(kept.obtain(now=NOW)) for _ in range(2))
    await departed(source, 1)
    first.cancel()
    gate.set()
    assert await second == "old"
    assert len(source.times) == 1


async def test_an_outage_leaves_the_old_value_and_nobody_waits_for_what_is_down() -> None:
    source, events = Source("old"), Events()
    kept = keep(source, events)
    await kept.obtain(now=NOW)
    source.answer = OUTAGE
    assert await kept.obtain(now=NOW + MAX_AGE) == "old"
    source.before = asyncio.Event().wait
    for second in range(30):
        assert await kept.obtain(now=NOW + MAX_AGE + second) == "old"
    await departed(source, 3)
    assert kept.failure == "it is down"
    assert [event["cause"] for event in events.named("issuer_thing_unavailable")] == ["it is down"]
    assert source.times == [NOW, NOW + MAX_AGE, NOW + MAX_AGE + COOLDOWN_SECONDS]


async def test_what_comes_back_is_noticed() -> None:
    source = Source("old")
    kept = keep(source)
    await kept.obtain(now=NOW)
    source.answer = OUTAGE
    await kept.obtain(now=NOW + MAX_AGE)
    source.answer = "new"
    await kept.obtain(now=NOW + MAX_AGE + COOLDOWN_SECONDS)
    await landed(kept)
    assert await kept.obtain(now=NOW + MAX_AGE + COOLDOWN_SECONDS) == "new"
    assert kept.failure is None


async def test_an_old_value_ends() -> None:
    source = Source("old")
    kept = keep(source)
    await kept.obtain(now=NOW)
    source.answer = OUTAGE
    assert await kept.obtain(now=NOW + KEEP_SECONDS - 1) == "old"
    with pytest.raises(UnavailableError, match="it is down"):
        await kept.obtain(now=NOW + KEEP_SECONDS)


async def test_without_a_value_each_asker_is_told_and_few_fetches_are_made() -> None:
    source = Source(OUTAGE)
    kept = keep(source)
    for second in (0, 1, COOLDOWN_SECONDS - 1, COOLDOWN_SECONDS):
        with pytest.raises(UnavailableError, match="it is down"):
            await kept.obtain(now=NOW + second)
    assert source.times == [NOW, NOW + COOLDOWN_SECONDS]


async def test_a_clock_that_steps_back_leads_to_a_fetch() -> None:
    source = Source("old")
    kept = keep(source)
    await kept.obtain(now=NOW)
    assert await kept.obtain(now=NOW - 1000) == "old"
    assert source.times == [NOW, NOW - 1000]


async def test_a_fetch_that_breaks_is_told_to_its_askers_and_does_not_block_the_next() -> None:
    source = Source(RuntimeError("a defect"))
    kept = keep(source)
    with pytest.raises(RuntimeError):
        await kept.obtain(now=NOW)
    source.answer = "new"
    assert await kept.obtain(now=NOW + COOLDOWN_SECONDS) == "new"
