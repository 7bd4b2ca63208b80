"""Events of a decision point as a process, over real sockets: many who listen, changes, the end."""

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest

from enforcers.pdp_credential import KeyCredential
from enforcers.remote import RemoteDecisionPoint
from pdp.core.bundle.head import Head, checked_files
from tests.conftest import RequireTool
from tests.flow.pdp_process import DEADLINE, POLICY, QUESTION, Pdp, running, set_up, toolgate_here
from tests.unit.server.listening import Event, events_in

EVENTS = "/v1/events"
LISTENERS = 50
SETTINGS = "pdp:\n  heartbeat_interval: 50ms\n"


@pytest.fixture
def pdp(tmp_path: Path, root: Path) -> Iterator[Pdp]:
    set_up(tmp_path, root=root)
    config = tmp_path / "toolgate.yaml"
    config.write_text(config.read_text().replace("pdp:\n", SETTINGS))
    with running(tmp_path) as process:
        yield process


async def told(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """The events of a stream as they come."""
    async for line in answer.content:
        if line == b"\n":
            continue
        block = [line]
        while (line := await answer.content.readline()) not in {b"\n", b""}:
            block.append(line)
        for event in events_in(b"".join(block)):
            yield event


async def generation_seen(answer: aiohttp.ClientResponse, number: int) -> int:
    """The number of the generation, once a stream has told of that one."""
    async for event in told(answer):
        if event.data.get("generation") == number:
            return number
    raise AssertionError("the stream is over")


async def change(pdp: Pdp, text: str) -> None:
    (pdp.base / "policies" / "alice.cedar").write_text(text)
    pdp.process.send_signal(signal.SIGHUP)


async def test_all_who_listen_see_each_generation_while_every_question_is_answered(pdp: Pdp) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(pdp.address, headers=pdp.key(), connector=connector) as client:
        streams = await asyncio.gather(*(client.get(EVENTS, timeout=aiohttp.ClientTimeout()) for _ in range(LISTENERS)))
        assert {stream.status for stream in streams} == {200}
        stopped = asyncio.Event()

        async def ask() -> int:
            asked = 0
            while not stopped.is_set():
                async with client.post("/access/v1/evaluation", json=QUESTION) as answer:
                    told_of = (await answer.json())["context"]["toolgate"]
                    assert (answer.status, told_of["reason_code"]) == (200, "allowed")
                    asked += 1
            return asked

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        async with asyncio.timeout(DEADLINE):
            for number in range(2, 6):
                await change(pdp, f"{POLICY}// {number}\n")
                seen = await asyncio.gather(*(generation_seen(stream, number) for stream in streams))
                assert seen == [number] * LISTENERS
            stopped.set()
            assert sum(await asyncio.gather(*asking)) > 0
        for stream in streams:
            stream.close()
        async with asyncio.timeout(DEADLINE):
            while "toolgate_listeners 0.0" not in await (await client.get("/metrics")).text():
                pass


async def test_who_comes_back_is_told_what_it_missed(pdp: Pdp) -> None:
    async with httpx.AsyncClient(base_url=pdp.address, headers=pdp.key(), timeout=DEADLINE) as client:
        known = None
        async with client.stream("GET", EVENTS) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id: ") and known != (known := line.removeprefix("id: ")) and "-0" in line:
                    break
        assert known == "1-0"
        assert toolgate_here(pdp.base, "revoke", "server", "git").returncode == 0
        while (await client.get("/v1/revocations")).json()["sequence"] == 0:
            pass
        async with client.stream("GET", EVENTS, headers={"last-event-id": known}) as answer:
            kinds = []
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kinds.append(line.removeprefix("event: "))
                if len(kinds) == 2:
                    break
        assert kinds == ["revocations", "heartbeat"]


def test_curl_shows_events_as_they_come(pdp: Pdp, require_tool: RequireTool) -> None:
    curl_here = require_tool("curl", install="apt-get install curl")
    command = [curl_here, "-sN", "-H", f"Authorization: {pdp.key()['authorization']}", pdp.address + EVENTS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        lines: list[str] = []
        while sum(line.startswith("event: heartbeat") for line in lines) < 3:
            lines.append(curl.stdout.readline().strip())
        curl.terminate()
    assert lines[0] == "retry: 1000"
    assert lines[2] == "event: generation"
    assert json.loads(lines[4].removeprefix("data: "))["generation"] == 1


def test_streams_end_at_once_and_whole_when_the_process_is_told_to_end(pdp: Pdp) -> None:
    url = urlsplit(pdp.address)
    with (
        httpx.Client(base_url=pdp.address, headers=pdp.key(), timeout=DEADLINE) as client,
        client.stream("GET", EVENTS) as answer,
        socket.create_connection((url.hostname, url.port), timeout=DEADLINE) as deaf,
    ):
        head = f"GET {EVENTS} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {pdp.key()['authorization']}\r\n\r\n"
        deaf.sendall(head.encode())
        while "toolgate_listeners 2.0" not in httpx.get(pdp.address + "/metrics").text:
            pass
        pieces = answer.iter_raw()
        next(pieces)
        pdp.process.send_signal(signal.SIGTERM)
        for _ in pieces:
            pass  # an end in the middle of a piece, as after waiting for them in vain, would raise
        assert pdp.process.wait(DEADLINE) == 0


async def test_the_bundle_that_decides_and_those_before_it_can_be_had(pdp: Pdp) -> None:
    async with httpx.AsyncClient(base_url=pdp.address, headers=pdp.key(), timeout=DEADLINE) as client:
        heads = [await client.get("/v1/bundle")]
        await change(pdp, POLICY.replace("permit", "forbid"))
        while (head := await client.get("/v1/bundle")).headers["etag"] == heads[0].headers["etag"]:
            pass
        heads.append(head)
        for number, (answer, word) in enumerate(zip(heads, (b"permit", b"forbid"), strict=True), 1):
            manifest = Head.from_json(answer.content).unverified()
            content = (await client.get(f"/v1/bundle/{manifest.digest}")).content
            assert manifest.serial == number
            assert word in checked_files(manifest, content)["policies/alice.cedar"]


async def test_what_enforcers_use_is_known(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    config = tmp_path / "toolgate.yaml"
    admin = (
        'pdp:\n  admin: {resource: "https://pdp.example.com/admin", listen: "127.0.0.1:0",'
        ' roles: {publisher: ["user:dev|petra"]}}\n'
    )
    config.write_text(config.read_text().replace("pdp:\n", admin))
    with running(tmp_path) as pdp:
        done = toolgate_here(tmp_path, "dev", "token", "--audience", "https://pdp.example.com/admin", "--sub", "petra")
        headers = {"authorization": f"Bearer {done.stdout.strip()}"}
        point = RemoteDecisionPoint(
            [pdp.address],
            credential=KeyCredential(pdp.key()["authorization"].removeprefix("Bearer ")),
            timeout=DEADLINE,
        )
        address = str(pdp.until("admin_ready")["address"])
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE) as client:
            used = (await point.catalog_head(using=None)).generation
            assert (await client.get("/admin/v1/status")).json()["enforcers"] == {}
            (tmp_path / "policies" / "alice.cedar").write_text(POLICY.replace("alice-reads", "alice-reads-on"))
            status = (await client.post("/admin/v1/bundle/refresh")).json()
            assert (used, status["generation"], status["bundle_trouble"]) == (1, 2, None)
            for using in (used, (await point.catalog_head(using=used)).generation):
                await point.catalog_head(using=using)
                known = (await client.get("/admin/v1/status")).json()["enforcers"]
                assert known["gateway"]["generation"] == using
        await point.aclose()
