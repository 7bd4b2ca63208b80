"""What many who listen to events cost one decision point: memory, computing time, and how soon all know something."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import pytest

from pdp.hosting.descriptors import make_room
from tests.bench.comparison import Ceiling, keep, verdict
from tests.bench.report import machine
from tests.flow.pdp_process import POLICY, QUESTION, Pdp, running, set_up

ROUNDS: Final = 3
LISTENERS: Final = 1000
SECONDS: Final = 10.0
"""For how long nothing changes, so that there are but heartbeats."""

GROWTH: Final = f"MB more with {LISTENERS:,} listeners"
AFTER: Final = "MB more, after ten more generations"
TOTAL: Final = f"MB in all with {LISTENERS:,} listeners"
IDLE: Final = "% of a core for their heartbeats, one every 2 s"
SEEN: Final = "ms from the activation of a bundle until all know of it"

TARGETS: Final = (
    Ceiling(f"{LISTENERS:,} listeners, under 100 MB more", AFTER, 100.0),
    Ceiling("all know of a generation within a second", SEEN, 1000.0),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One listener, with as little of its own as can be."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def generation(self, number: int) -> None:
        """Read until the event of that generation."""
        await self.reader.readuntil(b'data: {"generation":%d,"bundle"' % number)

    async def drop(self) -> None:
        """Read whatever comes, so that heartbeats arrive."""
        while await self.reader.read(65_536):
            pass


async def listen(pdp: Pdp) -> Stream:
    url = urlsplit(pdp.address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in pdp.key().items())
    writer.write(f"GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    return Stream(reader, writer)


def megabytes(pdp: Pdp) -> float:
    """What the process holds in memory."""
    status = Path(f"/proc/{pdp.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def computed(pdp: Pdp) -> float:
    """Seconds of computing time that the process has had."""
    fields = Path(f"/proc/{pdp.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def activate(pdp: Pdp, number: int, streams: list[Stream]) -> float:
    """Milliseconds from the activation of that generation until all know of it, by the clock of who listens."""
    loop = asyncio.get_running_loop()
    (pdp.base / "policies" / "alice.cedar").write_text(f"{POLICY}// {number}\n")
    pdp.seen.clear()
    pdp.process.send_signal(signal.SIGHUP)
    known = [asyncio.create_task(stream.generation(number)) for stream in streams]
    await asyncio.to_thread(pdp.until, "bundle_activated")
    activated = loop.time()
    await asyncio.gather(*known)
    return 1000 * (loop.time() - activated)


async def ask(pdp: Pdp) -> None:
    """A few questions, so that what any process makes at first is made."""
    url = urlsplit(pdp.address)
    body = json.dumps(QUESTION).encode()
    for _ in range(20):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        head = "POST /access/v1/evaluation HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def measured(pdp: Pdp) -> dict[str, float]:
    await ask(pdp)
    before = megabytes(pdp)
    streams = await asyncio.gather(*(listen(pdp) for _ in range(LISTENERS)))
    await asyncio.gather(*(stream.generation(1) for stream in streams))
    growth = megabytes(pdp) - before
    seen = [await activate(pdp, number, streams) for number in range(2, 12)]
    dropping = [asyncio.create_task(stream.drop()) for stream in streams]
    began = computed(pdp)
    await asyncio.sleep(SECONDS)
    idle = 100 * (computed(pdp) - began) / SECONDS
    total = megabytes(pdp)
    for task in dropping:
        assert not task.done(), "a stream ended"
        task.cancel()
    for stream in streams:
        stream.writer.close()
    return {GROWTH: growth, AFTER: total - before, TOTAL: total, IDLE: idle, SEEN: median(seen)}


@pytest.mark.bench
def test_what_listeners_cost(root: Path, tmp_path: Path) -> None:
    assert make_room(LISTENERS) == LISTENERS, "this process may not have as many connections"
    figures: dict[str, list[float]] = {name: [] for name in (GROWTH, AFTER, TOTAL, IDLE, SEEN)}
    for number in range(ROUNDS):
        base = tmp_path / str(number)
        base.mkdir()
        set_up(base, root=root)
        with running(base) as pdp:
            for name, figure in asyncio.run(measured(pdp)).items():
                figures[name].append(figure)
    rows = [f"| {name} | {median(found):.1f} |" for name, found in figures.items()]
    print(f"\n\n{machine()}\n\n| {LISTENERS:,} listeners | |\n|---|---:|", *rows, sep="\n")
    print("\n| target | of what it may take | |\n|---|---:|---|")
    print("\n".join(f"| {one.name} | {one.measured(figures):.2f} | {verdict(one, figures)} |" for one in TARGETS))
    keep(root / "build" / "bench" / "events.json", figures, TARGETS)
