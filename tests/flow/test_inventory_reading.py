"""What is read of a server that lists wrong, or more than it should: over both transports, in both eras."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.inventory import Inventory, read_inventory
from enforcers.gateway.upstreams.listing import Listing, Unusable
from enforcers.gateway.upstreams.peer import Peer
from enforcers.gateway.upstreams.streamable_http import HttpConnector
from pdp.core.catalog.definitions.definition import NAMING, Kind
from pdp.core.contract.errors import UpstreamError
from tests.flow.gateway_host import LIMITS, SERVERS, stdio
from tests.flow.servers.hostile import GOOD

HOSTILE = str(SERVERS / "hostile.py")
CLIENT = {"name": "toolgate", "version": "0"}
TRANSPORTS = ("stdio", "http")


@asynccontextmanager
async def over(transport: str, trick: str) -> AsyncIterator[Connector]:
    if transport == "stdio":
        yield stdio(sys.executable, HOSTILE, trick, limits=LIMITS)
        return
    server = await asyncio.create_subprocess_exec(
        sys.executable, HOSTILE, trick, "http", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert server.stdout is not None
        port = int(await server.stdout.readline())
        yield HttpConnector(f"http://127.0.0.1:{port}/", headers={}, limits=LIMITS)
    finally:
        server.kill()
        await server.wait()


async def read(transport: str, trick: str) -> Inventory:
    async with over(transport, trick) as connector:
        return await read_inventory(connector, limits=LIMITS, client=CLIENT, log=structlog.get_logger())


def names(inventory: Inventory) -> dict[Kind, Sequence[Any]]:
    return {kind: [entry[NAMING[kind]] for entry in listing.entries] for kind, listing in inventory.items()}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_kind_is_read_and_what_is_no_definition_is_named(transport: str) -> None:
    found = await read(transport, "every_kind")
    assert names(found) == {
        Kind.TOOL: ["good"],
        Kind.PROMPT: ["greet", "bad"],
        Kind.RESOURCE: ["note://../../a b?ü", "note://b"],
        Kind.TEMPLATE: ["note://{id}"],
    }
    assert found[Kind.PROMPT].unusable == (Unusable(Kind.PROMPT, None, "its name is no string of 1 to 512 characters"),)
    assert found[Kind.TEMPLATE].unusable == (
        Unusable(Kind.TEMPLATE, None, "its uriTemplate is no string of 1 to 4096 characters"),
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("trick", ["everything_bad", "names", "duplicates", "prompts_only"])
async def test_the_tools_are_those_that_the_gateway_sees(transport: str, trick: str) -> None:
    async with over(transport, trick) as connector:
        gateway = Peer(connector, limits=LIMITS, client=CLIENT, on_change=lambda: None, log=structlog.get_logger())
        try:
            await gateway.start()
            seen = list(gateway.definitions())
        finally:
            await gateway.aclose()
        found = await read_inventory(connector, limits=LIMITS, client=CLIENT, log=structlog.get_logger())
    assert list(found[Kind.TOOL].entries) == seen


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_is_not_announced_is_not_read(transport: str) -> None:
    found = await read(transport, "unannounced")
    assert found == {
        Kind.TOOL: Listing((GOOD,)),
        Kind.PROMPT: Listing(),
        Kind.RESOURCE: Listing(),
        Kind.TEMPLATE: Listing(),
    }


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_server_that_knows_no_tools_and_announces_none_has_prompts_all_the_same(transport: str) -> None:
    found = await read(transport, "prompts_only")
    assert names(found) == {Kind.TOOL: [], Kind.PROMPT: ["greet"], Kind.RESOURCE: [], Kind.TEMPLATE: []}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("trick", "cause"),
    [
        ("endless", "the server's tool list has more than 50 pages"),
        ("repeating", "the server's tool list has a cursor that repeats or is no string"),
        ("number_cursor", "the server's tool list has a cursor that repeats or is no string"),
        ("object_cursor", "the server's tool list has a cursor that repeats or is no string"),
        ("many", "the server lists more than 10000 tools"),
        ("no_list", "the server's tool list has no `tools`"),
    ],
)
async def test_a_list_without_end_or_form_is_no_inventory(transport: str, trick: str, cause: str) -> None:
    with pytest.raises(UpstreamError) as error:
        await read(transport, trick)
    assert error.value.detail == cause


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_message_that_nests_too_deep_is_no_inventory(transport: str) -> None:
    with pytest.raises(UpstreamError, match="no message: nesting over the limit"):
        await read(transport, "bottomless")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_definition_that_nests_too_deep_does_not_cost_the_others(transport: str) -> None:
    found = await read(transport, "deep")
    assert names(found)[Kind.TOOL] == ["well", "good"]


async def test_a_server_whose_tools_change_whenever_they_are_read_is_not_read_for_ever() -> None:
    with pytest.raises(UpstreamError, match="the server's lists change whenever they are read"):
        await read("stdio", "restless")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_all_pages_are_read_and_names_that_come_twice_are_kept(transport: str) -> None:
    found = await read(transport, "duplicates")
    assert names(found)[Kind.TOOL] == ["good", "twice", "echo", "twice", "Echo", "еcho"]  # noqa: RUF001 - the trick
