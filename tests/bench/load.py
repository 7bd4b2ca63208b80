"""The load generator: closed loops over kept-alive HTTP/1.1 connections, in a process of its own.

It reads jobs from standard input and writes a tally for each to standard output, one JSON object a line.
A loop sends its next request when the answer to the last one is complete.
"""

import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Final, cast

import msgspec
import uvloop

MARK: Final = b"@@@@@@@@@@@@"
"""Where request and expected answer hold a number of as many digits."""
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_TOOL_ERROR: Final = b'"isError":true'


class Numbers(StrEnum):
    """What stands for `MARK`: always the same number, or one that no other request ever has."""

    SAME = "same"
    FRESH = "fresh"


class Job(msgspec.Struct, frozen=True):
    """What to send to a port of this machine, over how many connections and for how long (seconds).

    `expected` must be in the body of every answer. What is sent during `warmup` is checked but not measured;
    answers still on their way once the time is over may take `patience`.
    """

    port: int
    request: bytes
    expected: bytes
    numbers: Numbers
    connections: int
    warmup: float
    seconds: float
    patience: float = 15.0


class Tally(msgspec.Struct, frozen=True):
    """What came of a job: times in seconds, `rate` good answers a second, `busy` the generator's share of a core.

    `answered` counts all good answers, `errors` everything else by kind; with any error the rest means nothing.
    """

    rate: float
    p50: float
    p99: float
    busy: float
    measured: int
    answered: int
    errors: dict[str, int]


class Run:
    """One job while it runs: hands out requests, takes answers and their latencies."""

    def __init__(self, job: Job, numbers: Callable[[], int]) -> None:
        self.job = job
        self._numbers = numbers
        self._before, self._after = job.request.split(MARK)
        self._expected = job.expected.split(MARK)
        self.latencies: list[float] = []
        self.errors: Counter[str] = Counter()
        self.answered = 0
        self.begin = self.end = 0.0

    def start(self, now: float) -> None:
        """Begin the warm-up."""
        self.begin = now + self.job.warmup
        self.end = self.begin + self.job.seconds

    def question(self) -> tuple[bytes, bytes]:
        """A request, and what must be in the body of its answer."""
        number = b"%012d" % (0 if self.job.numbers is Numbers.SAME else self._numbers())
        return self._before + number + self._after, number.join(self._expected)

    def take(self, *, status: bytes, body: bytes, expected: bytes, sent: float, now: float) -> None:
        """Count one answer."""
        if status != b"200":
            self.errors[f"status {status.decode('latin-1')}"] += 1
        elif expected not in body or _TOOL_ERROR in body:
            self.errors["wrong body"] += 1
        else:
            self.answered += 1
            if sent >= self.begin and now <= self.end:
                self.latencies.append(now - sent)


class Loop(asyncio.Protocol):
    """One connection; `done` is set once it has nothing more to do."""

    def __init__(self, run: Run, done: asyncio.Future[None]) -> None:
        self._run = run
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._expected = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def send(self) -> None:
        """Send the next request."""
        request, self._expected = self._run.question()
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        head_end = received.find(_HEAD_END)
        if head_end < 0:
            return
        length = content_length(received[:head_end])
        if length is None:
            self._stop("no length")
            return
        start = head_end + len(_HEAD_END)
        if len(received) < start + length:
            return
        now = time.perf_counter()
        self._received = b""
        if len(received) > start + length:
            self._stop("more than was asked for")
            return
        self._run.take(status=received[9:12], body=received[start:], expected=self._expected, sent=self._sent, now=now)
        if now < self._run.end and not self._run.errors:
            self.send()
        else:
            self._stop(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._stop("connection lost")

    def _stop(self, error: str | None) -> None:
        if error is not None:
            self._run.errors[error] += 1
        if not self._done.done():
            self._done.set_result(None)
        if self._transport is not None:
            self._transport.close()


def content_length(head: bytes) -> int | None:
    """The stated length of a body, None where there is none."""
    _, found, rest = head.lower().partition(_LENGTH)
    digits = rest.partition(b"\r\n")[0].strip()
    return int(digits) if found and digits.isdigit() else None


async def perform(job: Job, numbers: Callable[[], int]) -> Tally:
    """Run `job`; every connection is open before the first request is sent."""
    running = asyncio.get_running_loop()
    run = Run(job, numbers)
    dones = [running.create_future() for _ in range(job.connections)]
    loops: list[Loop] = []
    for done in dones:
        _, loop = await running.create_connection(partial(Loop, run, done), "127.0.0.1", job.port)
        loops.append(loop)
    used, began = time.process_time(), time.perf_counter()
    run.start(began)
    for loop in loops:
        loop.send()
    _, unanswered = await asyncio.wait(dones, timeout=job.warmup + job.seconds + job.patience)
    if unanswered:
        run.errors["unanswered"] += len(unanswered)
    busy = (time.process_time() - used) / (time.perf_counter() - began)
    return tally(run, busy=busy)


def tally(run: Run, *, busy: float) -> Tally:
    """The figures of a finished run; without a measured answer there are none, which is an error."""
    latencies = sorted(run.latencies)
    if not latencies:
        run.errors["nothing measured"] += 1
        latencies = [0.0]
    return Tally(
        rate=len(run.latencies) / run.job.seconds,
        p50=quantile(latencies, 0.50),
        p99=quantile(latencies, 0.99),
        busy=busy,
        measured=len(run.latencies),
        answered=run.answered,
        errors=dict(run.errors),
    )


def quantile(ordered: list[float], share: float) -> float:
    """The least of `ordered` that at least `share` of them do not exceed."""
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


async def serve() -> None:
    """Take jobs until standard input ends."""
    numbers = itertools.count(1).__next__
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        done = await perform(msgspec.json.decode(line, type=Job), numbers)
        sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(serve())
