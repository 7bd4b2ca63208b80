"""Who still sends gets the answer before the connection ends, and cannot keep it."""

import asyncio
from typing import Any

from pdp.hosting.lingering import LINGER_BYTES, LingeringTransport


class Recorded:
    """A transport that notes what is asked of it."""

    def __init__(self, *, half: bool = True) -> None:
        self.asked: list[str] = []
        self.half = half
        self.is_closed = False
        self.closed = asyncio.Event()

    def can_write_eof(self) -> bool:
        return self.half

    def is_closing(self) -> bool:
        return self.is_closed

    def write_eof(self) -> None:
        self.asked.append("write_eof")

    def resume_reading(self) -> None:
        self.asked.append("resume_reading")

    def close(self) -> None:
        self.is_closed = True
        self.closed.set()
        self.asked.append("close")

    def get_write_buffer_size(self) -> int:
        return 7


def lingering(real: Recorded, *, more: bool) -> LingeringTransport:
    transport: Any = real
    return LingeringTransport(transport, asyncio.get_running_loop(), more=lambda: more)


async def test_with_nothing_to_come_it_closes_at_once() -> None:
    real = Recorded()
    lingering(real, more=False).close()
    assert real.asked == ["close"]


async def test_with_more_to_come_what_is_written_ends_and_what_comes_is_dropped() -> None:
    real = Recorded()
    transport = lingering(real, more=True)
    transport.close()
    assert (transport.is_closing(), transport.is_lingering) == (True, True)
    transport.close()
    transport.drop(b"x" * 1000)
    assert real.asked == ["write_eof", "resume_reading"]
    transport.finish()
    assert real.asked[-1] == "close"


async def test_who_sends_without_end_is_cut_off() -> None:
    real = Recorded()
    transport = lingering(real, more=True)
    transport.close()
    for _ in range(LINGER_BYTES // 65_536 + 1):
        transport.drop(b"x" * 65_536)
    assert real.is_closed


async def test_who_sends_nothing_more_is_cut_off_in_time() -> None:
    real = Recorded()
    transport = lingering(real, more=True)
    transport.close()
    await real.closed.wait()


async def test_a_connection_that_cannot_end_by_halves_closes_at_once() -> None:
    real = Recorded(half=False)
    lingering(real, more=True).close()
    assert real.asked == ["close"]


async def test_all_else_is_the_transports() -> None:
    assert lingering(Recorded(), more=True).get_write_buffer_size() == 7
