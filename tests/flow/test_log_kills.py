"""Every answered call is in the log exactly once, though gateway and decision point are killed at random instants."""

import asyncio
import contextlib
import json
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pdp.core.contract.record import DecisionRecord, OutcomeRecord, Record
from pdp.core.contract.sealed import Sealed, unseal
from tests.flow.http_client import ACCEPT, JSON, META, VERSION, read_reply
from tests.flow.test_gateway_commands import Place, place
from tests.spools import wait_until_delivered

__all__ = ["place"]

CONNECTIONS = 8
LOG = "toolgate.db"
START = 90.0
"""Seconds that a start may take where other tests run."""


@dataclass
class Load:
    """Calls over several connections; `answered` has those that were, by the id of the request: whether allowed."""

    token: str
    port: int = 0
    answered: dict[str, bool] = field(default_factory=dict)
    asked: int = 0

    async def run(self) -> None:
        """Call until cancelled; connections are made again when they break."""
        await asyncio.gather(*(self._connection() for _ in range(CONNECTIONS)))

    async def more(self, count: int) -> None:
        """Return once so many more calls were answered."""
        wanted = len(self.answered) + count
        async with asyncio.timeout(60):
            while len(self.answered) < wanted:  # noqa: ASYNC110 - of another task's count
                await asyncio.sleep(0.002)

    async def _connection(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    while True:
                        await self._call(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(0.01)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        identifier = f"call-{self.asked}"
        arguments = {"text": "secret" if self.asked % 5 == 0 else "hello"}
        params = {"name": "odd__echo", "arguments": arguments, "_meta": META}
        body = json.dumps({"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}).encode()
        head = [
            ACCEPT,
            JSON,
            ("Host", f"127.0.0.1:{self.port}"),
            ("Authorization", f"Bearer {self.token}"),
            ("MCP-Protocol-Version", VERSION),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "odd__echo"),
            ("Content-Length", str(len(body))),
        ]
        writer.write(b"POST /mcp HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head).encode() + b"\r\n" + body)
        reply = await read_reply(reader)
        assert reply.status == 200, reply
        self.answered[identifier] = not reply.json["result"].get("isError", False)


@asynccontextmanager
async def loaded(load: Load) -> AsyncIterator[None]:
    calling = asyncio.create_task(load.run())
    try:
        yield
        assert not calling.done(), calling.exception()
    finally:
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)


async def start(place: Place, verb: str, ready: str) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """The process that `verb` is, and its event that says it is ready; what else it says is read and dropped."""
    process = await place.start(verb, stderr=asyncio.subprocess.STDOUT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    said: list[bytes] = []
    async with asyncio.timeout(START):
        async for line in process.stdout:
            said.append(line)
            if line.startswith(b"{") and (found := json.loads(line))["event"] == ready:
                process.reading = asyncio.create_task(process.stdout.read())  # type: ignore[attr-defined]
                return process, found
    raise AssertionError(said)


def port_of(ready: dict[str, Any]) -> int:
    return int(urlsplit(ready["url"]).port or 0)


async def end(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(how)
    async with asyncio.timeout(30):
        await process.wait()


def logged(path: Path) -> list[Sealed]:
    with closing(sqlite3.connect(path)) as connection:
        return [unseal(content) for (content,) in connection.execute("SELECT content FROM records ORDER BY position")]


def assert_complete(path: Path, answered: dict[str, bool]) -> None:
    """Each answered call has one decision, and where it was allowed one outcome; no run has a gap, no chain a break."""
    records = logged(path)
    decisions = [one.record for one in records if isinstance(one.record, DecisionRecord)]
    ids = Counter(record.request_id for record in decisions)
    assert {name for name in answered if ids[name] != 1} == set()
    outcomes = Counter(one.record.decision for one in records if isinstance(one.record, OutcomeRecord))
    of = {record.request_id: record for record in decisions}
    assert {name for name, allowed in answered.items() if outcomes[of[name].id] != int(allowed)} == set()
    assert_chains(records)


def assert_chains(records: list[Sealed]) -> None:
    last: dict[str, Sealed] = {}
    for one in records:
        record: Record = one.record
        before = last.get(record.writer)
        follows = before is not None and before.record.boot == record.boot
        assert record.sequence == (before.record.sequence + 1 if follows and before else 1)
        assert record.previous == (None if before is None else before.digest)
        last[record.writer] = one


FEW_OR_MANY = pytest.mark.parametrize(
    "kills", [2, pytest.param(20, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)


@FEW_OR_MANY
async def test_a_killed_gateway_with_decisions_of_its_own(place: Place, kills: int) -> None:
    chance, load = random.Random(3), Load(await place.token())
    for _ in range(kills):
        gateway, ready = await start(place, "gateway", "gateway_ready")
        load.port = port_of(ready)
        async with loaded(load):
            await load.more(chance.randint(1, 150))
            await end(gateway, signal.SIGKILL)
    gateway, ready = await start(place, "gateway", "gateway_ready")
    load.port = port_of(ready)
    async with loaded(load):
        await load.more(20)
    await end(gateway, signal.SIGTERM)
    assert len(load.answered) > 20 + kills
    assert any(load.answered.values())
    assert_complete(place.path / LOG, load.answered)
    assert "0" in await place.run("log", "writers")


def _remote(place: Place, free_port: int) -> None:
    path = place.path / "toolgate.yaml"
    settings = json.loads(path.read_text())
    settings["pdp"] = {"listen": f"127.0.0.1:{free_port}"}
    settings["gateway"]["pdp"] = [f"http://127.0.0.1:{free_port}"]
    path.write_text(json.dumps(settings))


@FEW_OR_MANY
@pytest.mark.parametrize("victim", ["gateway", "serve"])
async def test_a_killed_process_of_gateway_and_decision_point(
    place: Place, kills: int, victim: str, unused_tcp_port: int
) -> None:
    _remote(place, unused_tcp_port)
    chance, load = random.Random(5), Load(await place.token())
    pdp, _ = await start(place, "serve", "pdp_ready")
    gateway, ready = await start(place, "gateway", "gateway_ready")
    load.port = port_of(ready)
    try:
        for _ in range(kills):
            async with loaded(load):
                await load.more(chance.randint(1, 150))
                await end(gateway if victim == "gateway" else pdp, signal.SIGKILL)
                if victim == "serve":
                    await load.more(10)  # what cannot be decided is recorded all the same
                    pdp, _ = await start(place, "serve", "pdp_ready")
            if victim == "gateway":
                gateway, ready = await start(place, "gateway", "gateway_ready")
                load.port = port_of(ready)
        async with loaded(load):
            await load.more(20)
        # while there was no decision point, more was recorded than is delivered between two of its ends
        await asyncio.to_thread(wait_until_delivered, place.path)
        await end(gateway, signal.SIGTERM)
        await end(pdp, signal.SIGTERM)
    finally:
        for process in (gateway, pdp):
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert any(load.answered.values())
    assert_complete(place.path / LOG, load.answered)
    assert "0" in await place.run("log", "writers")
