"""`toolgate gateway` and `toolgate wrap` as processes, with policies, a log and tokens of their own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from enforcers.gateway.naming import Unprefixed
from tests.flow.gateway_host import DEADLINE, SERVERS
from tests.flow.http_client import Client
from tests.flow.rug import SETTLED, SHIFTY, write_script
from tests.flow.servers.definitions import ECHO
from tests.flow.test_gateway_peers import mcp1, run_legacy_client
from tests.snapshots import tool_path, tool_snapshot

TOOLGATE = str(Path(sys.executable).parent / "toolgate")
ODD = [sys.executable, str(SERVERS / "odd.py"), "plain"]
POLICY = """
@id("eng-may-echo")
permit (principal in Mcp::Group::"dev|eng", action in Mcp::Action::"tools/call", resource in Mcp::Server::"odd");
@id("no-secrets")
@message("secrets are not to be echoed")
forbid (principal, action == Mcp::Action::"odd/echo", resource)
when { context.arguments has text && context.arguments.text == "secret" };
"""
__all__ = ["mcp1"]


@dataclass(frozen=True)
class Place:
    """A directory with a configuration, policies and schemas; `environment` for commands run in it."""

    path: Path
    environment: dict[str, str]

    async def run(self, *arguments: str) -> str:
        process = await self.start(*arguments, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        assert process.returncode == 0
        return output.decode().strip()

    async def start(self, *arguments: str, **streams: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            TOOLGATE, *arguments, cwd=self.path, env=self.environment, **streams
        )

    async def token(self, *, sub: str = "alice", group: str = "eng") -> str:
        return await self.run("dev", "token", "--sub", sub, "--group", group)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    written = {
        "toolgate.yaml": json.dumps(
            {
                "version": 1,
                "identity": {"unsafe_dev_issuer": {}},
                "gateway": {"listen": "127.0.0.1:0"},
                "mcpServers": {
                    "odd": {"command": ODD[0], "args": ODD[1:]},
                    "gone": {"command": "/nowhere/no-such-server"},
                },
            }
        ).encode(),
        "policies/policy.cedar": POLICY.encode(),
        "policies/catalog.yaml": b"version: 1\n",
        tool_path("odd", "echo"): tool_snapshot(ECHO),
    }
    for name, content in written.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251 - the edge
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COV")}  # noqa: TID251
    return Place(tmp_path, keep | coverage)


async def event(process: asyncio.subprocess.Process, name: str) -> dict[str, Any]:
    """The first event of that name in the log on standard error."""
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE):
        async for line in process.stderr:
            found: dict[str, Any] = json.loads(line)
            if found["event"] == name:
                return found
    raise AssertionError(f"the process ended without `{name}`")


@asynccontextmanager
async def running_gateway(place: Place) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    process = await place.start("gateway", stderr=asyncio.subprocess.PIPE)
    try:
        yield process, await event(process, "gateway_ready")
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def text(result: Any) -> str:
    return str(result.content[0].text)


async def test_the_gateway_comes_up_although_a_server_is_down_decides_and_ends_cleanly(place: Place) -> None:
    token = await place.token()
    async with running_gateway(place) as (process, ready):
        assert (ready["servers"], ready["servers_down"], ready["tools"]) == (["odd"], ["gone"], 1)
        async with (
            create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
            mcp.Client(streamable_http_client(ready["url"], http_client=http)) as client,
        ):
            assert [tool.name for tool in (await client.list_tools()).tools] == ["odd__echo"]
            assert text(await client.call_tool("odd__echo", {"text": "hello"})) == "hello"
            denied = await client.call_tool("odd__echo", {"text": "secret"})
            assert (denied.is_error, text(denied)) == (True, "secrets are not to be echoed")
        process.send_signal(signal.SIGTERM)
        assert (await event(process, "upstream_stopped"))["server"] == "odd"
        await event(process, "gateway_stopped")
        assert await process.wait() == 0


async def test_a_gateway_whose_log_nobody_reads_any_more_ends_when_it_is_told_to(place: Place) -> None:
    reading, writing = os.pipe()
    process = await place.start("gateway", stderr=writing)
    os.close(writing)
    with os.fdopen(reading) as log:
        while json.loads(await asyncio.to_thread(log.readline))["event"] != "gateway_ready":
            pass
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(DEADLINE):
        assert await process.wait() == 0


async def test_nobody_without_a_group_sees_or_calls_anything(place: Place) -> None:
    token = await place.token(sub="mallory", group="others")
    async with running_gateway(place) as (_, ready):
        async with (
            create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
            mcp.Client(streamable_http_client(ready["url"], http_client=http)) as client,
        ):
            assert (await client.list_tools()).tools == []
            assert text(await client.call_tool("odd__echo", {"text": "x"})) == "no policy allows this call"
        client_of_nobody = Client(int(ready["url"].split(":")[2].split("/")[0]))
        assert (await client_of_nobody.modern("tools/list")).status == 401


async def test_a_policy_decides_on_the_address_that_the_proxy_tells(place: Place) -> None:
    policy = """
        @id("from-the-office")
        forbid (principal, action, resource)
        unless { context has ip && context.ip.isInRange(ip("198.51.100.0/24")) };
        """
    (place.path / "policies" / "office.cedar").write_text(policy)
    settings = json.loads((place.path / "toolgate.yaml").read_text())
    settings["gateway"] |= {
        "trusted_proxies": ["127.0.0.1"],
        "client_address": "proxy-protocol",
        "ip_allow": ["198.51.100.0/24", "203.0.113.0/24"],
    }
    (place.path / "toolgate.yaml").write_text(json.dumps(settings))
    authorization = ("Authorization", f"Bearer {await place.token()}")
    async with running_gateway(place) as (process, ready):
        found, port = {}, int(ready["url"].split(":")[2].split("/")[0])
        for address in ("198.51.100.9", "203.0.113.9", "192.0.2.9"):
            client = Client(port, before=f"PROXY TCP4 {address} 10.0.0.5 1 2\r\n")
            reply = await client.call("odd__echo", extra=[authorization], text="hello")
            found[address] = (reply.status, json.loads(reply.body).get("result", {}).get("isError"))
        assert found == {"198.51.100.9": (200, None), "203.0.113.9": (200, True), "192.0.2.9": (403, None)}
        stranger = Client(port)
        assert await stranger.unanswered(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        cause = "the connection does not begin with a PROXY header"
        assert (await event(process, "connection_refused"))["cause"] == cause


async def test_wrap_stands_before_one_server_with_its_own_names(place: Place) -> None:
    environment = {**place.environment, "TOOLGATE_TOKEN": await place.token()}
    parameters = StdioServerParameters(
        command=TOOLGATE, args=["wrap", "--server", "odd", "--", *ODD], env=environment, cwd=place.path
    )
    async with mcp.Client(parameters) as client:
        assert client.protocol_version == "2026-07-28"
        assert [tool.name for tool in (await client.list_tools()).tools] == ["echo"]
        assert text(await client.call_tool("echo", {"text": "hello"})) == "hello"
        assert text(await client.call_tool("echo", {"text": "secret"})) == "secrets are not to be echoed"


async def test_wrap_serves_a_client_of_the_legacy_sdk(place: Place, mcp1: str) -> None:
    environment = {**place.environment, "TOOLGATE_TOKEN": await place.token()}
    command = [TOOLGATE, "wrap", "--config", str(place.path / "toolgate.yaml"), "--server", "odd", "--", *ODD]
    seen = await run_legacy_client(mcp1, "stdio", "echo", '{"text": "hello"}', *command, environment=environment)
    assert seen == {"version": "2025-11-25", "tools": ["echo"], "error": False, "text": "hello"}


async def test_wrap_without_a_token_says_why_nothing_is_allowed(place: Place) -> None:
    parameters = StdioServerParameters(
        command=TOOLGATE, args=["wrap", "--server", "odd", "--", *ODD], env=place.environment, cwd=place.path
    )
    async with mcp.Client(parameters) as client:
        with pytest.raises(mcp.MCPError, match="a bearer token is required"):
            await client.list_tools()
        assert text(await client.call_tool("echo", {"text": "x"})) == "a bearer token is required"


async def wrap_lines(place: Place, lines: list[Any], *command: str, token: str | None = None) -> tuple[list[Any], int]:
    """What wrap answers to these lines, and its exit code."""
    if token is not None:
        place.environment["TOOLGATE_TOKEN"] = token
    process = await place.start(
        "wrap", "--server", "odd", "--", *command,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    sent = "".join((line if isinstance(line, str) else json.dumps({"jsonrpc": "2.0", **line})) + "\n" for line in lines)
    async with asyncio.timeout(DEADLINE):
        output, _ = await process.communicate(sent.encode())
    assert process.returncode is not None
    return [json.loads(line) for line in output.splitlines()], process.returncode


INITIALIZE: dict[str, Any] = {"id": "i", "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}


async def test_wrap_answers_everything_it_was_asked_before_its_input_ended(place: Place) -> None:
    calls = [
        {"id": n, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": str(n)}}} for n in range(20)
    ]
    answers, code = await wrap_lines(place, [INITIALIZE, *calls], *ODD, token=await place.token())
    assert code == 0
    assert {a["id"]: a["result"]["content"][0]["text"] for a in answers if a["id"] != "i"} == {
        n: str(n) for n in range(20)
    }


async def test_wrap_refuses_what_is_no_message_and_goes_on(place: Place) -> None:
    lines: list[Any] = [
        {"id": 1, "method": "tools/list"},
        INITIALIZE,
        "nonsense",
        '{"jsonrpc":"2.0","id":2,"method":"ping","id":3}',
        "[" * 10_000,
        "x" * (5 * 1024 * 1024),
        [],
        {"id": 4, "method": "resources/list"},
        {"id": 5, "result": {}},
        {"method": "notifications/cancelled", "params": {"requestId": []}},
        {"id": 6, "method": "ping"},
    ]
    sent = [json.dumps(line) if isinstance(line, list) else line for line in lines]
    answers, code = await wrap_lines(place, sent, *ODD)
    assert code == 0
    found = [(a.get("id"), a.get("error", {}).get("code")) for a in answers]
    assert found == [
        (1, -32600), ("i", None), (None, -32700), (None, -32700), (None, -32700), (None, -32600), (None, -32600),
        (4, -32601), (6, None),
    ]  # fmt: skip


async def test_wrap_starts_and_denies_when_its_server_does_not_start(place: Place) -> None:
    call = {"id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}
    answers, code = await wrap_lines(place, [INITIALIZE, call], "/nowhere/no-such-server", token=await place.token())
    assert code == 0
    assert answers[1]["result"]["_meta"]["toolgate"]["reason_code"] == "tool_unknown"


async def test_wrap_reads_a_file_and_writes_a_file(place: Place) -> None:
    lines: list[dict[str, Any]] = [INITIALIZE, {"id": 1, "method": "ping"}]
    (place.path / "in").write_text("".join(json.dumps({"jsonrpc": "2.0", **line}) + "\n" for line in lines))
    with (place.path / "in").open("rb") as given, (place.path / "out").open("wb") as taken:
        process = await place.start("wrap", "--server", "odd", "--", *ODD, stdin=given, stdout=taken)
        assert await process.wait() == 0
    assert [json.loads(line)["id"] for line in (place.path / "out").read_text().splitlines()] == ["i", 1]


async def test_one_id_is_one_open_request(place: Place) -> None:
    hanging = [sys.executable, str(SERVERS / "odd.py"), "hang_on_call"]
    call = {"id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}
    cancel = {"method": "notifications/cancelled", "params": {"requestId": 1}}
    answers, _ = await wrap_lines(place, [INITIALIZE, call, call, cancel], *hanging, token=await place.token())
    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [("i", None), (1, -32600)]


async def test_wrap_ends_when_told_to_and_takes_its_server_with_it(place: Place) -> None:
    process = await place.start(
        "wrap", "--server", "odd", "--", *ODD, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await event(process, "upstream_opened")
    process.send_signal(signal.SIGTERM)
    await event(process, "upstream_stopped")
    async with asyncio.timeout(DEADLINE):
        assert await process.wait() == 0
    assert process.stdin is not None
    process.stdin.close()
    await process.communicate()


async def test_a_cancelled_call_is_not_answered(place: Place) -> None:
    hanging = [sys.executable, str(SERVERS / "odd.py"), "hang_on_call"]
    call = {"id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}
    cancel = {"method": "notifications/cancelled", "params": {"requestId": 1}}
    answers, _ = await wrap_lines(
        place, [INITIALIZE, call, cancel, {"id": 2, "method": "ping"}], *hanging, token=await place.token()
    )
    assert [answer["id"] for answer in answers] == ["i", 2]


async def test_the_wrapped_server_does_not_get_the_token(place: Place) -> None:
    telling = [sys.executable, str(SERVERS / "odd.py"), "environment"]
    place.environment["GITHUB_TOKEN"] = "theirs"
    call = {"id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}}}
    answers, _ = await wrap_lines(place, [INITIALIZE, call], *telling, token=await place.token())
    environment = json.loads(answers[1]["result"]["content"][0]["text"])
    assert environment["GITHUB_TOKEN"] == "theirs"
    assert not [name for name in environment if name.startswith("TOOLGATE")]


async def test_a_name_that_no_server_may_have_is_refused(place: Place) -> None:
    process = await place.start("wrap", "--", "/bin/tools", stderr=asyncio.subprocess.PIPE)
    _, problem = await process.communicate()
    assert process.returncode == 2
    assert b"--server" in problem


async def test_two_approved_tools_with_one_wire_name_refuse_the_start(place: Place) -> None:
    spaced = Unprefixed().wire_name("odd", tool="a b")
    both = [{**ECHO, "name": name} for name in ("a b", spaced)]
    for definition in both:
        (place.path / tool_path("odd", definition["name"])).write_bytes(tool_snapshot(definition))
    write_script(place.path, "odd", {**SETTLED, "listings": [[both]]})
    command = [sys.executable, SHIFTY, "stdio", str(place.path / "odd.json")]
    process = await place.start(
        "wrap", "--server", "odd", "--", *command, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE):
        problem = await process.stderr.read()
        assert await process.wait() == 2
    assert f"`odd/a b` and `odd/{spaced}` have one name on the wire".encode() in problem
    assert process.stdin is not None
    process.stdin.close()
