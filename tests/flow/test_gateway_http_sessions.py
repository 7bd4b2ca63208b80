"""Sessions of legacy clients over HTTP: whose they are, and what happens to ids from anybody else."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.gateway_host import Host, odd, open_host, serve
from tests.flow.http_client import ALICE, BOB, Client

ID = re.compile(r"[A-Za-z0-9_-]{43}")


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Host]:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened) as serving:
        yield serving


@pytest.fixture
def client(host: Host) -> Client:
    return Client(host.address.port)


def session(value: str) -> tuple[str, str]:
    return ("Mcp-Session-Id", value)


async def test_ids_are_256_random_bits_and_never_the_same(client: Client) -> None:
    opened = [(await client.initialize())[1] for _ in range(20)]
    assert len(set(opened)) == 20
    assert [bool(ID.fullmatch(one)) for one in opened] == [True] * 20


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_another_s_session_is_unknown_to_whoever_else_is_identified(
    client: Client, host: Host, method: str
) -> None:
    _, opened = await client.initialize()
    stolen = await client.send([BOB, session(opened)], b"", method="DELETE")
    if method == "POST":
        stolen = await client.legacy({"id": 1, "method": "ping"}, extra=[BOB, session(opened)])
    assert (stolen.status, stolen.reason) == (404, "session_mismatch")
    record = host.point.decisions[-1]
    assert (record.reason_code.value, record.principal, record.session) == ("session_mismatch", "corp|bob", opened)
    mine = await client.legacy({"id": 2, "method": "ping"}, extra=[ALICE, session(opened)])
    assert mine.status == 200


async def test_an_unknown_and_another_s_session_look_alike(client: Client) -> None:
    _, opened = await client.initialize()
    anothers = await client.legacy({"id": 1, "method": "ping"}, extra=[BOB, session(opened)])
    unknown = await client.legacy({"id": 1, "method": "ping"}, extra=[BOB, session("A" * 43)])
    for reply in (anothers, unknown):
        del reply.headers["content-length"]
    assert anothers.json["error"]["message"] == unknown.json["error"]["message"]
    assert (anothers.status, anothers.headers) == (unknown.status, unknown.headers)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "made",
    [
        lambda own: own[:-1],
        lambda own: own + "A",
        lambda own: own[:-1] + ("A" if own[-1] != "A" else "B"),
        lambda own: own.swapcase(),
        lambda own: own[::-1],
        lambda own: own + "=",
        lambda own: f'"{own}"',
        lambda own: f"{own}, {own}",
        lambda own: own[:20] + " " + own[20:],
        lambda own: own[:-1] + "\xe9",
        lambda own: "\xc3\xa9" * 43,
        lambda own: "%" + own[1:],
        lambda own: "../" + own[3:],
        lambda own: own * 100,
        lambda own: "",
        lambda own: "null",
    ],
)
async def test_a_changed_or_made_up_id_is_unknown(client: Client, host: Host, made: object, method: str) -> None:
    _, opened = await client.initialize()
    assert callable(made)
    extra = [ALICE, session(made(opened))]
    reply = await client.send(extra, b"", method="DELETE")
    if method == "POST":
        reply = await client.legacy({"id": 1, "method": "ping"}, extra=extra)
    assert (reply.status, reply.reason) == (404, "session_mismatch")
    assert host.reasons[-1] == "session_mismatch"
    assert (await client.legacy({"id": 2, "method": "ping"}, extra=[ALICE, session(opened)])).status == 200


async def test_two_ids_are_none(client: Client, host: Host) -> None:
    _, one = await client.initialize()
    _, two = await client.initialize()
    for other in (one, two):
        extra = [ALICE, session(one), session(other)]
        reply = await client.legacy({"id": 1, "method": "ping"}, extra=extra)
        assert (reply.status, reply.reason) == (404, "session_mismatch")
    assert host.reasons == ["session_mismatch"] * 2


async def test_an_id_that_a_client_chooses_is_never_taken(client: Client) -> None:
    _, mine = await client.initialize()
    chosen = "C" * 43
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    for wish in (chosen, mine, "x", ""):
        message = {"id": 0, "method": "initialize", "params": params}
        reply = await client.legacy(message, extra=[BOB, session(wish)])
        given = reply.headers["mcp-session-id"]
        assert (reply.status, given in {chosen, mine}, bool(ID.fullmatch(given))) == (200, False, True)
    for name, wish in ((BOB, chosen), (BOB, mine)):
        reply = await client.legacy({"id": 1, "method": "ping"}, extra=[name, session(wish)])
        assert (reply.status, reply.reason) == (404, "session_mismatch")


async def test_without_a_token_a_session_opens_nothing(client: Client, host: Host) -> None:
    _, opened = await client.initialize()
    reply = await client.legacy({"id": 1, "method": "ping"}, extra=[session(opened)])
    assert (reply.status, reply.reason) == (401, "token_missing")
    assert (await client.send([session(opened)], b"", method="DELETE")).status == 401
    assert host.reasons == ["token_missing"] * 2


async def test_a_modern_request_has_no_session_and_gets_none(client: Client, host: Host) -> None:
    _, opened = await client.initialize()
    reply = await client.modern("tools/list", extra=[BOB, session(opened)])
    assert (reply.status, "mcp-session-id" in reply.headers) == (200, False)
    assert host.point.decisions[-1].session is None


async def test_a_refused_initialize_opens_none(client: Client) -> None:
    reply, opened = await client.initialize(who=("Authorization", "Bearer mallory"))
    assert (reply.status, opened) == (401, "")
