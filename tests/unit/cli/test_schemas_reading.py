import asyncio
from collections.abc import Sequence

from enforcers.cli.schemas_reading import read_servers
from enforcers.gateway.upstreams.channel import Channel
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import UpstreamError


class Late:
    """A server that is not there, which shows once it may."""

    def __init__(self, may: asyncio.Event) -> None:
        self._may = may

    async def connect(self, _heard: object) -> Channel:
        await self._may.wait()
        raise UpstreamError("not there")


async def test_who_waits_is_told_for_whom_and_all_come_in_the_order_asked_for() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    told: list[Sequence[str]] = []

    def waiting(servers: Sequence[str]) -> None:
        told.append(list(servers))
        (first if len(told) == 1 else second).set()

    found = await read_servers({"b": Late(second), "a": Late(first)}, limits=UpstreamLimits(), waiting=waiting)
    assert told == [["b", "a"], ["b"]]
    assert [(reading.server, str(reading.answer)) for reading in found] == [
        ("b", "upstream_unavailable: not there"),
        ("a", "upstream_unavailable: not there"),
    ]


async def test_nobody_is_told_of_servers_that_answer_at_once() -> None:
    may = asyncio.Event()
    may.set()
    told: list[Sequence[str]] = []
    await read_servers({"a": Late(may)}, limits=UpstreamLimits(), waiting=told.append)
    assert told == []
