"""Servers behind the gateway, good and hostile: what they break stays broken on their side."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from enforcers.gateway.upstreams.peer import Peer
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import Refused, UpstreamError
from tests.flow.gateway_host import LIMITS, odd, open_host, stdio, until


@asynccontextmanager
async def peer(mode: str, *, limits: UpstreamLimits = LIMITS, connector: Any = None) -> AsyncIterator[Peer]:
    changes: list[None] = []
    found = Peer(
        connector or odd(mode, limits=limits),
        limits=limits,
        client={"name": "toolgate", "version": "0"},
        on_change=lambda: changes.append(None),
        log=structlog.get_logger(),
    )
    try:
        yield found
    finally:
        await found.aclose()


async def say(upstream: Peer, text: str = "hello") -> Any:
    return await upstream.call("echo", arguments={"text": text})


def text_of(result: Any) -> str:
    return str(result["content"][0]["text"])


async def test_a_legacy_server_is_probed_initialized_listed_and_called() -> None:
    async with peer("plain") as upstream:
        await upstream.start()
        assert [tool["name"] for tool in upstream.definitions()] == ["echo"]
        assert text_of(await say(upstream)) == "hello"


async def test_a_legacy_server_that_does_not_answer_the_probe_is_initialized_all_the_same() -> None:
    async with peer("silent_probe", limits=replace(LIMITS, probe_timeout=0.3)) as upstream:
        await upstream.start()
        assert text_of(await say(upstream)) == "hello"


async def test_a_modern_server_is_spoken_to_in_its_own_revision() -> None:
    connector = stdio(sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC")
    with capture_logs() as logs:
        async with peer("", connector=connector) as upstream:
            await upstream.start()
            assert {tool["name"] for tool in upstream.definitions()} == {"get_current_time", "convert_time"}
            result = await upstream.call("get_current_time", arguments={"timezone": "UTC"})
    assert "UTC" in text_of(result)
    assert [log["era"] for log in logs if log["event"] == "upstream_opened"] == ["modern"]


@pytest.mark.parametrize("mode", ["only_legacy_discovered", "discovered_nonsense"])
async def test_a_discovery_without_a_modern_revision_leads_to_the_handshake(mode: str) -> None:
    with capture_logs() as logs:
        async with peer(mode) as upstream:
            await upstream.start()
            assert text_of(await say(upstream)) == "hello"
    assert [log["era"] for log in logs if log["event"] == "upstream_opened"] == ["legacy"]


async def test_tools_that_cannot_be_read_again_stay_as_they_were() -> None:
    async with peer("crash_on_call") as upstream:
        await upstream.start()
        with pytest.raises(UpstreamError):
            await say(upstream)
        with pytest.raises(UpstreamError, match="no connection"):
            await say(upstream)
        assert [tool["name"] for tool in upstream.definitions()] == ["echo"]
        await upstream.refresh()
        assert upstream.connected


async def test_calls_to_one_server_do_not_wait_for_each_other() -> None:
    async with peer("plain") as upstream:
        await upstream.start()
        results = await asyncio.gather(*(say(upstream, str(number)) for number in range(50)))
    assert [text_of(result) for result in results] == [str(number) for number in range(50)]


async def test_all_pages_of_a_tool_list_are_read() -> None:
    async with peer("two_pages") as upstream:
        await upstream.start()
        assert [tool["name"] for tool in upstream.definitions()] == ["echo", "second"]


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("crash_at_start", "ended"),
        ("banner", "no message"),
        ("cursor_loop", "cursor that repeats"),
        ("endless_pages", "pages"),
        ("tools_no_list", "no `tools`"),
        ("old", "no protocol version"),
    ],
)
async def test_a_server_that_starts_wrong_is_down(mode: str, cause: str) -> None:
    async with peer(mode) as upstream:
        with pytest.raises(UpstreamError) as caught:
            await upstream.start()
        assert cause in caught.value.detail
        assert upstream.definitions() == ()


async def test_a_server_that_never_answers_is_down_after_the_start_timeout() -> None:
    limits = replace(LIMITS, start_timeout=0.6, probe_timeout=0.2, stop_timeout=0.2)
    async with peer("deaf", limits=limits) as upstream:
        with pytest.raises(UpstreamError):
            await upstream.start()


async def test_a_command_that_does_not_exist_is_a_server_that_is_down() -> None:
    async with peer("", connector=stdio("/nowhere/no-such-server")) as upstream:
        with pytest.raises(UpstreamError, match="cannot be started"):
            await upstream.start()


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("crash_on_call", "ended"),
        ("half_line", "ended"),
        ("garbage", "no message"),
        ("huge_line", "bytes"),
        ("wrong_id", "not open"),
        ("string_id", "not open"),
        ("result_list", "no message"),
        ("duplicate_names", "no message"),
        ("content_text", "content"),
    ],
)
async def test_a_broken_answer_is_no_answer(mode: str, cause: str) -> None:
    async with peer(mode) as upstream:
        await upstream.start()
        with pytest.raises(UpstreamError) as caught:
            await say(upstream)
        assert cause in caught.value.detail


async def test_a_result_that_nests_too_deep_costs_its_call_and_nothing_else() -> None:
    async with peer("deep_result") as upstream:
        await upstream.start()
        with pytest.raises(UpstreamError, match="the result nests deeper than 64 levels"):
            await say(upstream, "deep")
        assert text_of(await say(upstream)) == "hello"


async def test_an_error_of_the_tools_own_is_its_result() -> None:
    async with peer("error") as upstream:
        await upstream.start()
        assert await say(upstream) == {"content": [{"type": "text", "text": "no"}], "isError": True}


async def test_one_broken_answer_fails_every_open_call() -> None:
    async with peer("wrong_id") as upstream:
        await upstream.start()
        results = await asyncio.gather(*(say(upstream) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [UpstreamError] * 5


async def test_a_second_answer_to_one_call_breaks_the_connection_and_not_the_next_call() -> None:
    async with peer("duplicate") as upstream:
        await upstream.start()
        assert text_of(await say(upstream)) == "hello"
        await until(lambda: not upstream.connected, what="the connection is given up")
        await upstream.start()
        assert text_of(await say(upstream, "again")) == "again"


async def test_a_call_to_a_hanging_server_ends_with_the_timeout() -> None:
    limits = replace(LIMITS, call_timeout=0.3, silent_timeouts=2, stop_timeout=0.2)
    async with peer("hang_on_call", limits=replace(limits, start_timeout=15)) as upstream:
        await upstream.start()
        with pytest.raises(UpstreamError, match="within"):
            await say(upstream)
        assert upstream.connected
        with pytest.raises(UpstreamError, match="within"):
            await say(upstream)
        assert not upstream.connected, "a process that is silent through several timeouts is given up"


async def test_impatient_clients_cannot_have_a_slow_server_given_up() -> None:
    async with peer("hang_on_call") as upstream:
        await upstream.start()
        for _ in range(5):
            call = asyncio.create_task(say(upstream))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        assert upstream.connected


async def test_a_server_may_ask_whether_we_live_and_nothing_else() -> None:
    async with peer("asks_back") as upstream:
        await upstream.start()
        replies = json.loads(text_of(await say(upstream)))
    assert [(reply["id"], "result" in reply, reply.get("error", {}).get("code")) for reply in replies] == [
        ("theirs-1", True, None),
        ("theirs-2", False, -32601),
    ]


async def test_entries_that_are_no_tools_are_left_out_and_do_not_hide_the_others() -> None:
    with capture_logs() as logs:
        async with peer("one_bad_tool") as upstream:
            await upstream.start()
            assert [tool["name"] for tool in upstream.definitions()] == ["echo"]
    assert len([log for log in logs if log["event"] == "tool_unusable"]) == 3


async def test_a_process_gets_the_environment_that_was_configured_and_nothing_else() -> None:
    argv = (sys.executable, "tests/flow/servers/odd.py", "environment")
    async with peer("", connector=stdio(*argv, environment={"OWN": "1"})) as upstream:
        await upstream.start()
        environment = json.loads(text_of(await say(upstream)))
    assert {name for name in environment if not name.startswith("LC_")} == {"OWN"}


async def test_a_tool_that_is_offered_twice_refuses_no_start_and_is_not_offered() -> None:
    async with open_host({"odd": odd("twin_tools"), "good": odd("plain")}) as host:
        assert [name for name, _ in host.router.all()] == ["good__echo"]
        assert len(host.router.table()["odd__echo"]) == 2


async def test_a_server_that_is_down_does_not_keep_the_others_from_working() -> None:
    async with open_host({"bad": odd("crash_at_start"), "good": odd("plain")}) as host:
        assert [name for name, _ in host.router.all()] == ["good__echo"]
        assert host.router.servers_up() == ["good"]


async def test_a_server_that_crashed_is_started_again_for_the_next_call() -> None:
    async with open_host({"odd": odd("crash_on_call")}) as host:
        offer = host.router.offered("odd__echo")
        assert offer is not None
        for _ in range(2):
            with pytest.raises(UpstreamError, match="ended"):
                await host.router.forward(offer, {"text": "x"})


async def test_a_server_that_keeps_crashing_is_not_started_over_and_over() -> None:
    async with open_host({"odd": odd("crash_on_call")}) as host:
        offer = host.router.offered("odd__echo")
        assert offer is not None
        causes = []
        for _ in range(6):
            with pytest.raises(UpstreamError) as caught:
                await host.router.forward(offer, {"text": "x"})
            causes.append(caught.value.detail)
        assert "next attempt" in causes[-1]


@pytest.mark.parametrize("mode", ["changes", "modern_changes"])
async def test_a_server_that_says_its_tools_changed_is_read_again(mode: str) -> None:
    async with open_host({"odd": odd(mode)}) as host:
        before = host.router.offered("odd__echo")
        assert before is not None
        await host.router.forward(before, {"text": "x"})

        def changed() -> bool:
            found = host.router.offered("odd__echo")
            return found is not None and found.pin != before.pin

        await until(changed, what="the changed definition is offered")
        with pytest.raises(Refused, match="tool_changed: the server no longer offers the tool as it was checked"):
            await host.router.forward(before, {"text": "x"})
