"""The definitions that a chain works with: compared, recorded, then used."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from enforcers.offer import Offer
from enforcers.verdict import Allowed, Denied, Listed
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.definition import pin_of
from pdp.core.catalog.entries.entry import Entries, ServerEntry
from pdp.core.contract.errors import RecordError
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DriftState
from tests.unit.enforcers.chain_host import CATALOG, OFFERS, READ, Host, call


def changed(**members: Any) -> Offer:
    definition = {**READ, "description": "now with instructions for the model", **members}
    return Offer("files", "read", definition, pin_of(definition))


@pytest.fixture
def host() -> Host:
    return Host()


async def code_of(host: Host, request: Request | None = None) -> str:
    verdict = await host.chain.call(request or call(), who=await host.alice())
    return "allowed" if isinstance(verdict, Allowed) else verdict.code.value


async def shown(host: Host) -> list[str]:
    verdict = await host.chain.list_tools(Request(1, "tools/list"), who=await host.alice())
    assert isinstance(verdict, Listed)
    return [name for name, _ in verdict.tools]


async def until(met: Callable[[], bool]) -> None:
    """Let others run until `met()`."""
    async with asyncio.timeout(10):
        while not met():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0)


def drifts(host: Host) -> list[tuple[str, str | None, DriftState, ReasonCode]]:
    return [(record.server, record.tool, record.state, record.reason_code) for record in host.point.drifts]


CHANGED = ("files", "read", DriftState.CHANGED, ReasonCode.TOOL_CHANGED)
BACK = ("files", "read", DriftState.APPROVED, ReasonCode.ALLOWED)


async def test_a_change_is_recorded_once_not_for_each_list_and_call(host: Host) -> None:
    host.offers["files__read"] = changed()
    for _ in range(3):
        assert await shown(host) == ["vault__login"]
        assert await code_of(host) == "tool_changed"
    assert drifts(host) == [CHANGED]
    record = host.point.drifts[0]
    assert (record.approved, record.offered) == (pin_of(READ), changed().pin)
    assert [record.sequence for record in host.point.records] == list(range(1, len(host.point.records) + 1))


async def test_a_definition_that_comes_back_works_again_and_both_changes_are_recorded(host: Host) -> None:
    host.offers["files__read"] = changed()
    assert await code_of(host) == "tool_changed"
    host.offers["files__read"] = OFFERS["files__read"]
    assert await code_of(host) == "allowed"
    assert drifts(host) == [CHANGED, BACK]


async def test_what_came_back_is_not_offered_before_that_is_recorded(host: Host) -> None:
    host.offers["files__read"] = changed()
    who = await host.alice()
    assert await code_of(host) == "tool_changed"
    host.offers["files__read"] = OFFERS["files__read"]
    host.point.records_lost = "disk full"
    await host.definitions.compare()
    assert [name for name, _ in await host.definitions.usable()] == ["vault__login"]
    standing = await host.definitions.find("files__read")
    with pytest.raises(RecordError):
        host.definitions.check_recorded(standing)
    verdict = await host.chain.call(call(), who=who)
    assert verdict == Denied(
        ReasonCode.LOG_UNAVAILABLE, "the decision could not be recorded, so the call is denied", ""
    )
    assert host.upstream.calls == []
    host.point.records_lost = None
    assert await code_of(host) == "log_unavailable", "the next comparison records it, no call does"
    await host.definitions.compare()
    assert await code_of(host) == "allowed"
    assert drifts(host) == [CHANGED, BACK]


async def test_a_change_that_could_not_be_recorded_is_recorded_later(host: Host) -> None:
    host.offers["files__read"] = changed()
    host.point.records_lost = "the spool is full"
    await host.definitions.compare()
    assert host.point.drifts == []
    host.point.records_lost = None
    await host.definitions.compare()
    assert drifts(host) == [CHANGED]


async def test_tools_that_did_not_change_are_used_while_a_change_cannot_be_recorded(host: Host) -> None:
    await host.definitions.compare()
    host.offers["files__read"] = changed()
    host.point.records_lost = "disk full"
    await host.definitions.compare()
    host.point.records_lost = None
    assert await code_of(host, call("vault__login", user="a")) == "allowed"


async def test_every_change_is_an_event_in_which_nothing_is_hidden(host: Host) -> None:
    evil = {**READ, "name": "re\u200bad\x1b[2J"}
    host.offers["files__evil"] = Offer("files", evil["name"], evil, pin_of(evil))
    with capture_logs() as logs:
        await host.definitions.compare()
    (event,) = [log for log in logs if log["event"].startswith("tool_")]
    assert (event["event"], event["tool"], event["server"]) == ("tool_unknown", "re<U+200B>ad<U+001B>[2J", "files")


async def test_listeners_are_told_of_what_may_be_called_and_of_nothing_else(host: Host) -> None:
    told: list[str] = []
    await host.definitions.compare()
    host.definitions.subscribe(lambda: told.append("changed"))
    await host.definitions.compare()
    unknown = {**READ, "name": "unknown"}
    host.offers["files__unknown"] = Offer("files", "unknown", unknown, pin_of(unknown))
    await host.definitions.compare()
    assert told == []
    host.offers["files__read"] = changed()
    await host.definitions.compare()
    assert told == ["changed"]


async def test_another_catalog_is_noticed_without_any_call(host: Host) -> None:
    watching = asyncio.create_task(host.definitions.watch())
    try:
        await host.definitions.compare()
        host.point.active = Catalog([])
        host.now += 11
        for listener in host.shelf.listeners:
            listener()
        await until(lambda: bool(host.point.drifts))
    finally:
        watching.cancel()
    assert {record.state for record in host.point.drifts} == {DriftState.UNKNOWN}


async def test_watching_goes_on_after_a_catalog_could_not_be_had(host: Host) -> None:
    watching = asyncio.create_task(host.definitions.watch())
    try:
        host.point.unreachable = "connection refused"
        with capture_logs() as logs:
            for listener in host.shelf.listeners:
                listener()
            await until(lambda: any(log["event"] == "tools_not_compared" for log in logs))
        host.point.unreachable = None
        host.offers["files__read"] = changed()
        for listener in host.shelf.listeners:
            listener()
        await until(lambda: bool(host.point.drifts))
    finally:
        watching.cancel()
    assert drifts(host) == [CHANGED]


async def test_a_server_that_does_not_say_what_it_offers_now_gets_no_call(host: Host) -> None:
    await host.definitions.compare()
    host.shelf.unread = "no answer"
    assert await code_of(host) == "upstream_unavailable"
    assert host.upstream.calls == []
    record = host.point.decisions[-1]
    assert (record.server, record.tool, record.reason_code) == ("files", "read", ReasonCode.UPSTREAM_UNAVAILABLE)


async def test_every_record_of_a_call_says_which_definition_was_approved_and_which_is_offered_instead(
    host: Host,
) -> None:
    await code_of(host, call(path=7))
    host.offers["files__read"] = changed()
    await code_of(host)
    await shown(host)
    await code_of(host, call("nobody__knows"))
    digests = [(record.reason_code, record.schema_digest, record.offered_digest) for record in host.point.decisions]
    assert digests == [
        (ReasonCode.ARGUMENTS_INVALID, pin_of(READ), None),
        (ReasonCode.TOOL_CHANGED, pin_of(READ), changed().pin),
        (ReasonCode.ALLOWED, None, None),
        (ReasonCode.TOOL_UNKNOWN, None, None),
    ]


def unpinned(host: Host, *servers: str) -> None:
    entries = Entries(servers={server: ServerEntry(unsafe_unpinned=True) for server in servers})
    host.point.active = Catalog(CATALOG.tools(), entries=entries)


async def test_an_unpinned_servers_changed_tool_is_listed_and_called_and_each_use_is_told(host: Host) -> None:
    unpinned(host, "files")
    host.offers["files__read"] = changed()
    with capture_logs() as logs:
        assert await shown(host) == ["files__read", "vault__login"]
        assert await code_of(host) == "allowed"
        assert await code_of(host) == "allowed"
    assert [log["tool"] for log in logs if log["event"] == "unsafe_unpinned_used"] == ["files/read"] * 2
    assert drifts(host) == [("files", "read", DriftState.CHANGED, ReasonCode.ALLOWED)]
    record = host.point.decisions[-1]
    assert (record.schema_digest, record.offered_digest) == (pin_of(READ), changed().pin)
    assert host.point.asked[-1].resource.properties == {"digest": changed().pin}


async def test_an_unpinned_servers_changed_tool_is_held_to_the_approved_schema(host: Host) -> None:
    unpinned(host, "files")
    host.offers["files__read"] = changed(inputSchema={"type": "object", "properties": {"path": {"type": "integer"}}})
    assert await code_of(host, call(path=7)) == "arguments_invalid"
    assert await code_of(host, call(path="../../etc/passwd")) == "arguments_invalid"
    assert await code_of(host, call(path="a")) == "allowed"


async def test_an_unpinned_servers_unknown_tool_is_held_to_its_live_schema(host: Host) -> None:
    unpinned(host, "lab")
    definition = {"name": "new", "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    host.offers["lab__new"] = Offer("lab", "new", definition, pin_of(definition))
    assert await code_of(host, call("lab__new", n="seven")) == "arguments_invalid"
    assert await code_of(host, call("lab__new", n=7)) == "allowed"
    assert host.upstream.calls == [("lab/new", {"n": 7})]
    assert "lab__new" in await shown(host)


async def test_an_unpinned_tool_is_not_used_before_it_is_on_record(host: Host) -> None:
    unpinned(host, "files")
    await host.definitions.compare()
    host.offers["files__read"] = changed()
    host.point.records_lost = "disk full"
    await host.definitions.compare()
    host.point.records_lost = None
    assert await code_of(host) == "log_unavailable"
    assert host.upstream.calls == []
