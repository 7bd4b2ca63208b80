"""Real clients and servers of both eras on either side of the gateway."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from structlog.testing import capture_logs

from enforcers.gateway.upstreams.streamable_http import HttpConnector
from tests.conftest import ROOT, Require
from tests.flow.gateway_host import LIMITS, SERVERS, odd, open_host, serve, stdio

TIME = (sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC")


@pytest.fixture
def mcp1(require: Require) -> str:
    """A Python with the SDK of the 2025-11-25 revision."""
    path = Path(os.environ.get("TOOLGATE_MCP1_PYTHON") or ROOT / ".venv-mcp1/bin/python")  # noqa: TID251 - the edge
    require(path.exists(), reason="no SDK 1 here: make setup")
    return str(path)


@asynccontextmanager
async def http_server(python: str) -> AsyncIterator[str]:
    """The SDK's own server over HTTP, run by `python`; its URL."""
    process = await asyncio.create_subprocess_exec(
        python, str(SERVERS / "sdk_http.py"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        await process.wait()
        await process.stdout.read()


@asynccontextmanager
async def modern_client(url: str) -> AsyncIterator[mcp.Client]:
    async with (
        create_mcp_http_client(headers={"Authorization": "Bearer alice-token"}) as http,
        mcp.Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def run_legacy_client(
    python: str, *arguments: str, environment: dict[str, str] | None = None
) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        python, str(SERVERS / "legacy_client.py"), *arguments, stdout=asyncio.subprocess.PIPE, env=environment
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, object] = json.loads(output)
    return found


async def test_the_sdk_s_modern_client_lists_and_calls_servers_of_both_eras(tmp_path: Path) -> None:
    async with (
        open_host({"time": stdio(*TIME), "odd": odd("plain")}) as opened,
        serve(opened) as host,
        modern_client(host.url) as client,
    ):
        assert client.protocol_version == "2026-07-28"
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == ["odd__echo", "time__convert_time", "time__get_current_time"]
        called = await client.call_tool("time__get_current_time", {"timezone": "UTC"})
        assert not called.is_error
        assert '"timezone": "UTC"' in called.content[0].text  # type: ignore[union-attr]
        denied = await client.call_tool("odd__nothing", {})
        assert denied.is_error
        assert denied.content[0].text == "no such tool"  # type: ignore[union-attr]


async def test_the_sdk_s_client_in_its_legacy_mode_opens_a_session() -> None:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened) as host:
        async with create_mcp_http_client(headers={"Authorization": "Bearer alice-token"}) as http:
            transport = streamable_http_client(host.url, http_client=http)
            async with mcp.Client(transport, mode="legacy") as client:
                assert client.protocol_version == "2025-11-25"
                called = await client.call_tool("odd__echo", {"text": "hello"})
                assert called.content[0].text == "hello"  # type: ignore[union-attr]
        assert host.point.decisions[-1].session is not None


async def test_the_sdk_s_server_for_git_works_over_stdio(tmp_path: Path) -> None:
    git = await asyncio.create_subprocess_exec("git", "init", "-q", str(tmp_path))
    assert await git.wait() == 0
    argv = (sys.executable, "-m", "mcp_server_git", "--repository", str(tmp_path))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # noqa: TID251 - git is on it
    async with (
        open_host({"git": stdio(*argv, environment=environment)}) as opened,
        serve(opened) as host,
        modern_client(host.url) as client,
    ):
        called = await client.call_tool("git__git_status", {"repo_path": str(tmp_path)})
        assert not called.is_error
        assert "No commits yet" in called.content[0].text  # type: ignore[union-attr]


async def test_a_modern_server_over_http_gets_mirrored_headers_and_nothing_of_the_caller() -> None:
    async with http_server(sys.executable) as url:
        connector = HttpConnector(url, headers={"X-Own": "configured"}, limits=LIMITS)
        with capture_logs() as logs:
            async with (
                open_host({"sdk": connector}) as opened,
                serve(opened) as host,
                modern_client(host.url) as client,
            ):
                added = await client.call_tool("sdk__add", {"a": 2, "b": 3})
                assert added.structured_content == {"result": 5}
                await client.list_tools()
                named = await client.call_tool("sdk__region", {"name": "größe"})
                assert named.structured_content == {"result": "region größe"}
                seen = (await client.call_tool("sdk__headers", {})).structured_content
        assert [log["era"] for log in logs if log["event"] == "upstream_opened"] == ["modern"]
    assert isinstance(seen, dict)
    assert seen["x-own"] == "configured"
    assert seen["mcp-method"] == "tools/call"
    assert seen["mcp-name"] == "headers"
    assert "alice" not in json.dumps(seen)
    assert "authorization" not in seen
    assert "mcp-session-id" not in seen


async def test_a_legacy_server_over_http_is_spoken_to_within_a_session(mcp1: str) -> None:
    async with http_server(mcp1) as url:
        with capture_logs() as logs:
            connector = HttpConnector(url, headers={}, limits=LIMITS)
            async with (
                open_host({"sdk": connector}) as opened,
                serve(opened) as host,
                modern_client(host.url) as client,
            ):
                added = await client.call_tool("sdk__add", {"a": 2, "b": 3})
                assert added.structured_content == {"result": 5}
                seen = (await client.call_tool("sdk__headers", {})).structured_content
        assert [log["era"] for log in logs if log["event"] == "upstream_opened"] == ["legacy"]
    assert isinstance(seen, dict)
    assert seen["mcp-protocol-version"] == "2025-11-25"
    assert "mcp-session-id" in seen
    assert "mcp-name" not in seen


async def test_a_client_of_the_legacy_sdk_lists_and_calls_a_modern_server(mcp1: str) -> None:
    async with open_host({"time": stdio(*TIME)}) as opened, serve(opened) as host:
        seen = await run_legacy_client(mcp1, host.url, "alice-token", "time__get_current_time", '{"timezone": "UTC"}')
    assert seen["version"] == "2025-11-25"
    assert seen["tools"] == ["time__convert_time", "time__get_current_time"]
    assert seen["error"] is False
    assert '"timezone": "UTC"' in str(seen["text"])


async def test_both_eras_are_served_at_once(mcp1: str) -> None:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened) as host, modern_client(host.url) as client:
        legacy = asyncio.create_task(run_legacy_client(mcp1, host.url, "bob-token", "odd__echo", '{"text": "old"}'))
        for number in range(20):
            called = await client.call_tool("odd__echo", {"text": str(number)})
            assert called.content[0].text == str(number)  # type: ignore[union-attr]
        assert (await legacy)["text"] == "old"
    assert {record.principal for record in host.point.decisions} == {"corp|alice", "corp|bob"}
