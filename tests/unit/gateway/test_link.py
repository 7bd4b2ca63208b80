"""No call goes to a server on a reading of its tools that is not the last word."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import structlog

from enforcers.gateway.link import LEAST_TTL, Freshness, Link
from enforcers.gateway.upstreams.channel import SessionLostError
from enforcers.offer import Offer
from pdp.core.contract.errors import Refused, UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.reason_code import ReasonCode

ECHO: dict[str, Any] = {"name": "echo", "inputSchema": {"type": "object"}}
CHANGED: dict[str, Any] = {**ECHO, "description": "changed"}


class Server:
    """An upstream that offers `lists` one after the other, the last one again and again."""

    def __init__(self) -> None:
        self.lists: list[Sequence[JsonObject]] = [[ECHO]]
        self.connected = False
        self.readings = 0
        self.starts = 0
        self.calls: list[str] = []
        self.fails: UpstreamError | None = None
        self.loses: SessionLostError | None = None
        self.says_ttl: float | None = None
        self.on_reading: Callable[[], None] = lambda: None
        self.announce: Callable[[], None] = lambda: None
        self.gate = asyncio.Event()
        self.gate.set()
        self._listing: Sequence[JsonObject] = ()

    def make(self, on_change: Callable[[], None]) -> "Server":
        self.announce = on_change
        return self

    async def start(self) -> None:
        self.starts += 1
        await self.refresh()
        self.connected = True

    def definitions(self) -> Sequence[JsonObject]:
        return self._listing

    def ttl(self) -> float | None:
        return self.says_ttl

    async def refresh(self) -> None:
        self.readings += 1
        self.on_reading()
        listing = self.lists[0] if len(self.lists) == 1 else self.lists.pop(0)
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        self._listing = listing

    async def call(self, tool: str, *, arguments: JsonObject) -> JsonObject:
        lost, self.loses = self.loses, None
        if lost is not None:
            self.connected = False
            raise lost
        self.calls.append(f"{tool} {arguments}")
        return {"content": []}

    async def aclose(self) -> None:
        self.connected = False


class Bench:
    """A link to a server, on a clock that moves when told."""

    def __init__(self, freshness: Freshness) -> None:
        self.now = 1000.0
        self.server = Server()
        self.taken = 0
        self.link = Link(
            self.server.make,
            server="odd",
            freshness=freshness,
            changed=self._took,
            steady=lambda: self.now,
            log=structlog.get_logger(),
        )

    def _took(self) -> None:
        self.taken += 1

    @property
    def offer(self) -> Offer:
        (offer,) = self.link.offers
        return offer

    async def until_read_again(self, maintaining: asyncio.Task[None]) -> None:
        """Let `maintaining` run until it has read the tools, then end it."""
        async with asyncio.timeout(10):
            while self.server.readings < 2:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0)
            await self.link.settled()
        maintaining.cancel()
        with suppress(asyncio.CancelledError):
            await maintaining

    async def call(self, offer: Offer) -> None:
        await self.link.call(offer, arguments={})


@asynccontextmanager
async def opened(*, max_age: float = 60, patience: float = 10) -> AsyncIterator[Bench]:
    bench = Bench(Freshness(max_age, patience))
    await bench.link.connect()
    bench.now += 1
    try:
        yield bench
    finally:
        await bench.link.aclose()


async def test_a_call_on_a_young_reading_goes_at_once() -> None:
    async with opened() as bench:
        await bench.call(bench.offer)
        assert (bench.server.calls, bench.server.readings) == (["echo {}"], 1)


async def test_a_call_after_an_announced_change_waits_for_the_reading_and_is_refused_where_it_is_another() -> None:
    async with opened() as bench:
        checked = bench.offer
        bench.server.lists = [[CHANGED]]
        bench.server.announce()
        with pytest.raises(Refused) as refused:
            await bench.call(checked)
        assert (refused.value.code, bench.server.calls) == (ReasonCode.TOOL_CHANGED, [])
        assert bench.offer.definition == CHANGED


async def test_a_call_after_an_announced_change_of_something_else_goes_on() -> None:
    async with opened() as bench:
        bench.server.announce()
        await bench.call(bench.offer)
        assert (len(bench.server.calls), bench.server.readings, bench.taken) == (1, 2, 1)


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), ([0], [False]), ("1", 1)])
async def test_values_that_are_equal_in_python_alone_are_a_change(before: Any, after: Any) -> None:
    async with opened() as bench:
        for value in (before, after):
            schema = {"type": "object", "properties": {"n": {"const": value}}}
            bench.server.lists = [[{"name": "echo", "inputSchema": schema}]]
            bench.server.announce()
            bench.now += 1
            await bench.link.settled()
        assert bench.taken == 3


async def test_a_change_announced_during_a_reading_needs_another() -> None:
    async with opened() as bench:
        checked = bench.offer
        bench.server.lists = [[ECHO], [CHANGED]]
        announcements = [bench.server.announce]

        def announce_again() -> None:
            bench.now += 1
            if announcements:
                announcements.pop()()

        bench.server.on_reading = announce_again
        bench.server.announce()
        with pytest.raises(Refused):
            await bench.call(checked)
        assert (bench.server.readings, bench.server.calls) == (3, [])


async def test_a_server_that_announces_changes_all_the_time_gets_no_call() -> None:
    async with opened(patience=0.05) as bench:
        bench.server.on_reading = bench.server.announce
        bench.server.announce()
        with pytest.raises(UpstreamError, match="could not be read again within"):
            await bench.call(bench.offer)
        assert bench.server.calls == []


async def test_no_call_goes_on_a_reading_over_its_age() -> None:
    async with opened(max_age=30) as bench:
        checked = bench.offer
        bench.now += 29
        await bench.call(checked)
        assert bench.server.readings == 1
        bench.now += 1
        await bench.call(checked)
        assert bench.server.readings == 2
        bench.server.lists = [[CHANGED]]
        bench.now += 31
        with pytest.raises(Refused):
            await bench.call(checked)
        assert len(bench.server.calls) == 2


async def test_a_server_that_does_not_list_its_tools_any_more_gets_no_call_once_the_reading_is_too_old() -> None:
    async with opened(max_age=30) as bench:
        bench.server.fails = UpstreamError("the tool list has more than 1000 pages")
        await bench.call(bench.offer)
        bench.now += 31
        with pytest.raises(UpstreamError, match="1000 pages"):
            await bench.call(bench.offer)
        assert len(bench.server.calls) == 1


@pytest.mark.parametrize(("ttl", "age"), [(20.0, 20.0), (1.0, LEAST_TTL), (3600.0, 30.0), (None, 30.0)])
async def test_a_shorter_time_that_the_server_names_counts_within_a_bound(ttl: float | None, age: float) -> None:
    async with opened(max_age=30) as bench:
        bench.server.says_ttl = ttl
        bench.now += age - 1
        await bench.call(bench.offer)
        assert bench.server.readings == 1
        bench.now += 0.1
        await bench.call(bench.offer)
        assert bench.server.readings == 2


async def test_calls_share_a_reading_and_none_takes_it_along() -> None:
    async with opened() as bench:
        bench.server.gate.clear()
        bench.server.announce()
        calls = [asyncio.create_task(bench.call(bench.offer)) for _ in range(20)]
        for _ in range(5):
            await asyncio.sleep(0)
        calls[0].cancel()
        await asyncio.wait([calls[0]])
        bench.server.gate.set()
        await asyncio.gather(*calls[1:])
        assert (bench.server.readings, len(bench.server.calls)) == (2, 19)


async def test_a_name_that_is_offered_twice_is_not_called() -> None:
    async with opened() as bench:
        checked = bench.offer
        bench.server.lists = [[ECHO, CHANGED]]
        bench.server.announce()
        with pytest.raises(Refused):
            await bench.call(checked)
        bench.server.lists = [[CHANGED, ECHO]]
        bench.server.announce()
        bench.now += 1
        with pytest.raises(Refused):
            await bench.call(checked)
        assert (len(bench.link.offers), bench.server.calls) == (2, [])


async def test_a_server_that_came_back_changed_is_not_called() -> None:
    async with opened() as bench:
        checked = bench.offer
        bench.server.lists = [[CHANGED]]
        bench.server.loses = SessionLostError("gone")
        with pytest.raises(Refused):
            await bench.call(checked)
        assert (bench.server.starts, bench.server.calls) == (2, [])


async def test_an_announced_change_is_read_unasked() -> None:
    async with opened() as bench:
        maintaining = asyncio.create_task(bench.link.maintain())
        bench.server.lists = [[CHANGED]]
        bench.server.announce()
        await bench.until_read_again(maintaining)
        assert bench.offer.definition == CHANGED


async def test_a_reading_that_is_getting_old_is_made_anew_before_a_call_has_to_wait_for_it() -> None:
    async with opened(max_age=30) as bench:
        bench.now += 25
        maintaining = asyncio.create_task(bench.link.maintain())
        await bench.until_read_again(maintaining)
        assert bench.server.readings == 2
