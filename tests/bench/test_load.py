"""The load generator must not report what was not so."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figures import Better, Cell, Target, Way, rate, ratio, typical
from tests.bench.load import MARK, Job, Numbers, Tally, perform, quantile

Answer: TypeAlias = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

JOB = Job(
    port=0,
    request=b"POST / HTTP/1.1\r\ncontent-length: 12\r\n\r\n" + MARK,
    expected=b"<" + MARK + b">",
    numbers=Numbers.SAME,
    connections=1,
    warmup=0.0,
    seconds=0.05,
    patience=0.2,
)


def response(body: bytes, *, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


async def echo(number: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(response(b"<" + number + b">"))


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[int]:
    """A port where `answer` gets each request's number."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await answer(await reader.readexactly(12), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def run(answer: Answer, job: Job = JOB) -> Tally:
    async with server(answer) as port:
        return await perform(msgspec.structs.replace(job, port=port), itertools.count(1).__next__)


async def test_what_is_answered_well_is_counted() -> None:
    seen = []

    async def answer(number: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(number)
        await echo(number, writer)

    tally = await run(answer, msgspec.structs.replace(JOB, connections=3, warmup=0.02))
    assert tally.errors == {}
    assert tally.answered == len(seen) > tally.measured > 0
    assert tally.rate == tally.measured / JOB.seconds
    assert 0 < tally.p50 <= tally.p99
    assert set(seen) == {b"0" * 12}


async def test_fresh_numbers_never_come_twice_not_even_in_another_job() -> None:
    seen = []

    async def answer(number: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(number)
        await echo(number, writer)

    numbers = itertools.count(1).__next__
    async with server(answer) as port:
        fresh = msgspec.structs.replace(JOB, port=port, numbers=Numbers.FRESH, connections=2)
        for _ in range(2):
            assert (await perform(fresh, numbers)).errors == {}
    assert len(set(seen)) == len(seen) > 4


async def test_an_answer_in_pieces_is_one_answer() -> None:
    async def answer(number: bytes, writer: asyncio.StreamWriter) -> None:
        whole = response(b"<" + number + b">")
        for place in range(0, len(whole), 7):
            writer.write(whole[place : place + 7])
            await writer.drain()
            await asyncio.sleep(0)

    tally = await run(answer)
    assert tally.errors == {}
    assert tally.answered > 0


def saying(content: bytes) -> Answer:
    async def answer(number: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(content)

    return answer


async def silent(number: bytes, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""


async def closing(number: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


GOOD = b"<" + b"0" * 12 + b">"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (saying(response(GOOD, status=b"401 Unauthorized")), "status 401"),
        (saying(response(GOOD, status=b"503 Busy")), "status 503"),
        (saying(response(b"<000000000001>")), "wrong body"),
        (saying(response(b"")), "wrong body"),
        (saying(response(GOOD + b'{"isError":true}')), "wrong body"),
        (saying(response(GOOD) + response(GOOD)), "more than was asked for"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "no length"),
        (closing, "connection lost"),
        (silent, "unanswered"),
    ],
)
async def test_whatever_is_no_good_answer_is_an_error(answer: Answer, error: str) -> None:
    tally = await run(answer)
    assert tally.errors[error] == 1
    assert tally.answered == 0


async def test_a_run_in_which_nothing_was_measured_is_an_error() -> None:
    async def answer(number: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await echo(number, writer)

    tally = await run(answer)
    assert tally.errors == {"nothing measured": 1}
    assert tally.answered == 1


@given(st.lists(st.floats(0, 10), min_size=1), st.sampled_from([0.01, 0.5, 0.99, 1.0]))
def test_a_quantile_is_the_least_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = quantile(ordered, share)
    enough = len(values) * share - 1e-9
    assert sum(value <= found for value in values) >= enough
    assert all(sum(value <= lower for value in values) < enough for lower in values if lower < found)


def tallies(*rates: float) -> list[Tally]:
    return [Tally(rate=r, p50=1 / r, p99=2 / r, busy=0.1, measured=1, answered=1, errors={}) for r in rates]


def test_ratios_compare_what_was_measured_in_the_same_round() -> None:
    enforced, bare = Cell("lean", Way.EMBEDDED, 32), Cell("lean", Way.PASS_THROUGH, 32)
    rounds = {bare: tallies(100, 10, 1000), enforced: tallies(60, 4, 400)}
    assert typical(rounds, enforced, rate) == 60
    assert ratio(rounds, enforced, to=Way.PASS_THROUGH, figure=rate) == 0.4


@pytest.mark.parametrize(
    ("better", "verdicts"), [(Better.MORE, ["missed", "met", "met"]), (Better.LESS, ["met", "met", "missed"])]
)
def test_a_target_is_met_at_its_bound(better: Better, verdicts: list[str]) -> None:
    enforced, bare = Cell("lean", Way.EMBEDDED, 1), Cell("lean", Way.PASS_THROUGH, 1)
    target = Target("t", 1, rate, 0.5, Better.MORE)
    found = [
        replace(target, better=better).verdict({bare: tallies(100), enforced: tallies(measured)})
        for measured in (49, 50, 51)
    ]
    assert found == verdicts
