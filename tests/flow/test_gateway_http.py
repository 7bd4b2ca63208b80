"""The MCP endpoint over HTTP: both eras, and everything a hostile client can put into one request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pdp.core.contract.record_terms import DecisionOrigin, Effect, Fate
from tests.flow.gateway_host import LIMITS, Host, odd, open_host, serve, until
from tests.flow.http_client import ACCEPT, ALICE, BOB, JSON, META, VERSION, Client, modern_head, read_reply


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Host]:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened) as serving:
        yield serving


@pytest.fixture
def client(host: Host) -> Client:
    return Client(host.address.port)


def body(**message: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode()


# --- the modern era


async def test_discover_says_what_is_spoken_and_may_not_be_cached(client: Client) -> None:
    reply = await client.modern("server/discover")
    assert reply.status == 200
    assert reply.json["result"] == {
        "resultType": "complete",
        "supportedVersions": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"],
        "capabilities": {"tools": {}},
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "toolgate", "version": "0"}},
    }
    assert reply.headers["cache-control"] == "no-store"


async def test_a_list_has_live_definitions_under_wire_names(client: Client, host: Host) -> None:
    reply = await client.modern("tools/list")
    result = reply.json["result"]
    assert [tool["name"] for tool in result["tools"]] == ["odd__echo"]
    assert result["tools"][0]["inputSchema"] == {"type": "object", "properties": {"text": {"type": "string"}}}
    assert (result["ttlMs"], result["cacheScope"], result["resultType"]) == (0, "private", "complete")
    assert host.point.decisions[-1].shown == ["odd/echo"]


async def test_a_call_is_forwarded_and_recorded(client: Client, host: Host) -> None:
    reply = await client.call("odd__echo", text="hello")
    assert reply.json == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "content": [{"type": "text", "text": "hello"}],
            "resultType": "complete",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "toolgate", "version": "0"}},
        },
    }
    decision = host.point.decisions[-1]
    assert (decision.effect, decision.server, decision.tool, decision.principal) == (
        Effect.ALLOW,
        "odd",
        "echo",
        "corp|alice",
    )
    assert decision.client_ip == "127.0.0.1"
    assert [(o.decision, o.fate) for o in host.point.outcomes] == [(decision.id, Fate.ANSWERED)]


async def test_a_denied_call_is_a_result_that_says_so_in_one_line(client: Client, host: Host) -> None:
    reply = await client.call("odd__nothing")
    decision = host.point.decisions[-1]
    assert reply.status == 200
    assert reply.json["result"] == {
        "content": [{"type": "text", "text": "no such tool"}],
        "isError": True,
        "resultType": "complete",
        "_meta": {
            "toolgate": {"decision_id": decision.id, "reason_code": "tool_unknown"},
            "io.modelcontextprotocol/serverInfo": {"name": "toolgate", "version": "0"},
        },
    }


async def test_a_denied_list_is_an_error_with_the_configured_code(client: Client, host: Host) -> None:
    host.point.unreachable = "down"
    reply = await client.modern("tools/list")
    assert (reply.status, reply.code, reply.reason) == (200, -32001, "pdp_unreachable")
    assert reply.json["error"]["data"]["decision_id"] == host.point.decisions[-1].id


async def test_what_a_server_says_about_us_does_not_pass() -> None:
    async with open_host({"odd": odd("forged_meta")}) as opened, serve(opened) as serving:
        reply = await Client(serving.address.port).call("odd__echo", text="x")
    assert reply.json["result"]["_meta"] == {
        "own": 1,
        "io.modelcontextprotocol/serverInfo": {"name": "toolgate", "version": "0"},
    }


async def test_a_result_that_asks_for_input_does_not_pass() -> None:
    async with open_host({"odd": odd("input_required")}) as opened, serve(opened) as serving:
        reply = await Client(serving.address.port).call("odd__echo", text="x")
    assert (reply.status, reply.json["result"]["isError"]) == (200, True)
    assert reply.json["result"]["_meta"]["toolgate"]["reason_code"] == "method_unknown"


@pytest.mark.parametrize("mode", ["garbage", "wrong_id", "crash_on_call", "content_text", "duplicate_names"])
async def test_nothing_of_a_broken_answer_passes(mode: str) -> None:
    async with open_host({"odd": odd(mode)}) as opened, serve(opened) as serving:
        reply = await Client(serving.address.port).call("odd__echo", text="x")
        assert reply.json["result"]["content"] == [
            {"type": "text", "text": "the tool's server did not answer properly"}
        ]
        assert reply.json["result"]["_meta"]["toolgate"]["reason_code"] == "upstream_unavailable"
        assert [outcome.fate for outcome in opened.point.outcomes] == [Fate.FAILED]


async def test_an_unknown_method_is_404_and_recorded(client: Client, host: Host) -> None:
    for method in ("resources/list", "initialize", "ping", "tools/../call", "Tools/Call"):
        reply = await client.modern(method)
        assert (reply.status, reply.code, reply.reason) == (404, -32601, "method_unknown"), method
    assert set(host.reasons) == {"method_unknown"}


@pytest.mark.parametrize(
    "missing", ["io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities"]
)
async def test_a_request_without_a_required_field_is_malformed(client: Client, missing: str) -> None:
    meta = {name: value for name, value in META.items() if name != missing}
    raw = body(id=1, method="tools/list", params={"_meta": meta})
    reply = await client.send(modern_head("tools/list", {}), raw)
    assert (reply.status, reply.code) == (400, -32602)
    assert missing in reply.json["error"]["message"]


async def test_an_unsupported_version_is_answered_with_those_supported(client: Client) -> None:
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}
    head = [ACCEPT, JSON, ALICE, ("MCP-Protocol-Version", "1900-01-01"), ("Mcp-Method", "tools/list")]
    reply = await client.send(head, body(id=1, method="tools/list", params={"_meta": meta}))
    assert (reply.status, reply.code) == (400, -32022)
    assert reply.json["error"]["data"]["supported"] == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]
    assert reply.json["error"]["data"]["requested"] == "1900-01-01"


@pytest.mark.parametrize(
    "changed",
    [
        [("Mcp-Method", "tools/list")],
        [("Mcp-Method", "")],
        [("Mcp-Name", "odd__other")],
        [("Mcp-Name", "")],
        [("Mcp-Name", "odd__echo"), ("Mcp-Name", "odd__echo")],
        [("Mcp-Name", "=?base64?b2RkX19vdGhlcg==?=")],
        [("Mcp-Name", "=?base64?b2RkX19lY2hv!?=")],
        [("MCP-Protocol-Version", "2025-11-25")],
        [("MCP-Protocol-Version", "")],
        [("MCP-Protocol-Version", VERSION), ("MCP-Protocol-Version", VERSION)],
        [("Mcp-Method", "tools/call"), ("Mcp-Method", "tools/list")],
    ],
)
async def test_headers_that_differ_from_the_body_are_refused(
    client: Client, host: Host, changed: list[tuple[str, str]]
) -> None:
    reply = await client.call("odd__echo", extra=changed, text="x")
    assert (reply.status, reply.code) == (400, -32020)
    assert host.reasons == ["message_malformed"]


async def test_a_name_in_base64_is_compared_decoded(client: Client) -> None:
    reply = await client.call("odd__echo", extra=[("Mcp-Name", "=?base64?b2RkX19lY2hv?=")], text="x")
    assert reply.json["result"]["content"][0]["text"] == "x"


@pytest.mark.parametrize(("sent", "status"), [("hello", 200), ("=?base64?aGVsbG8=?=", 200), ("other", 400), ("", 400)])
async def test_mirrored_parameters_must_say_what_the_arguments_say(sent: str, status: int) -> None:
    async with open_host({"odd": odd("annotated")}) as opened, serve(opened) as serving:
        reply = await Client(serving.address.port).call("odd__echo", extra=[("Mcp-Param-Text", sent)], text="hello")
        assert (reply.status, reply.status == 200 or reply.code == -32020) == (status, True)
        assert bool(serving.point.outcomes) is (status == 200)


async def test_a_tool_with_annotations_that_break_the_rules_is_not_offered() -> None:
    async with open_host({"odd": odd("badly_annotated")}) as opened:
        assert list(opened.router.all()) == []


async def test_a_notification_is_accepted_and_has_no_answer(client: Client) -> None:
    head = [ACCEPT, JSON, ALICE, ("MCP-Protocol-Version", VERSION)]
    reply = await client.send(head, body(method="notifications/cancelled", params={"requestId": 1}))
    assert (reply.status, reply.body) == (202, b"")


async def test_several_requests_go_over_one_connection(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    raw = body(id=1, method="server/discover", params={"_meta": META})
    head = [
        ("Host", f"127.0.0.1:{client.port}"),
        ("Content-Length", str(len(raw))),
        *modern_head("server/discover", {}),
    ]
    request = ("POST /mcp HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head) + "\r\n").encode() + raw
    for _ in range(3):
        writer.write(request)
        assert (await read_reply(reader)).status == 200
    writer.close()


async def test_a_client_that_goes_away_cancels_its_call_and_the_outcome_is_recorded() -> None:
    raw = body(id=1, method="tools/call", params={"name": "odd__echo", "arguments": {}, "_meta": META})
    async with open_host({"odd": odd("hang_on_call")}) as opened, serve(opened) as host:
        head = [("Host", str(host.address)), ("Content-Length", str(len(raw)))]
        head += modern_head("tools/call", {"name": "odd__echo"})
        _, writer = await asyncio.open_connection("127.0.0.1", host.address.port)
        writer.write(("POST /mcp HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head) + "\r\n").encode() + raw)
        await until(lambda: host.point.decisions, what="the decision is recorded")
        writer.close()
        await until(lambda: host.point.outcomes, what="the outcome is recorded")
        assert [(outcome.fate, outcome.detail) for outcome in host.point.outcomes] == [(Fate.FAILED, "cancelled")]


# --- the legacy era


async def test_a_legacy_client_initializes_lists_calls_and_ends_its_session(client: Client, host: Host) -> None:
    reply, session = await client.initialize()
    assert reply.json["result"] == {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "toolgate", "version": "0"},
    }
    own = [ALICE, ("Mcp-Session-Id", session), ("MCP-Protocol-Version", "2025-11-25")]
    assert (await client.legacy({"method": "notifications/initialized"}, extra=own)).status == 202
    assert (await client.legacy({"id": 1, "method": "ping"}, extra=own)).json["result"] == {}
    listed = await client.legacy({"id": 2, "method": "tools/list"}, extra=own)
    assert [tool["name"] for tool in listed.json["result"]["tools"]] == ["odd__echo"]
    assert "ttlMs" not in listed.json["result"]
    params = {"name": "odd__echo", "arguments": {"text": "hello"}}
    called = await client.legacy({"id": 3, "method": "tools/call", "params": params}, extra=own)
    assert called.json["result"] == {"content": [{"type": "text", "text": "hello"}]}
    assert host.point.decisions[-1].session == session
    assert (await client.send([*own], b"", method="DELETE")).status == 204
    assert (await client.legacy({"id": 4, "method": "ping"}, extra=own)).status == 404


@pytest.mark.parametrize(
    ("asked", "agreed"), [("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("1999-01-01", "2025-11-25")]
)
async def test_the_revision_is_the_one_asked_for_or_our_newest_legacy_one(
    client: Client, asked: str, agreed: str
) -> None:
    reply, _ = await client.initialize(version=asked)
    assert reply.json["result"]["protocolVersion"] == agreed


async def test_a_session_is_of_no_use_to_another_principal(client: Client, host: Host) -> None:
    _, session = await client.initialize()
    stolen = [BOB, ("Mcp-Session-Id", session)]
    reply = await client.legacy({"id": 1, "method": "tools/list"}, extra=stolen)
    assert (reply.status, reply.reason) == (404, "session_mismatch")
    assert host.point.decisions[-1].principal == "corp|bob"
    assert (await client.send(stolen, b"", method="DELETE")).status == 404
    mine = [ALICE, ("Mcp-Session-Id", session)]
    assert (await client.legacy({"id": 2, "method": "ping"}, extra=mine)).status == 200


@pytest.mark.parametrize("session", ["A" * 43, "short", "a b", "é" * 43])
async def test_a_made_up_session_is_unknown(client: Client, session: str) -> None:
    reply = await client.legacy({"id": 1, "method": "ping"}, extra=[ALICE, ("Mcp-Session-Id", session)])
    assert (reply.status, reply.reason) == (404, "session_mismatch")


async def test_a_request_of_neither_era_is_told_what_it_lacks(client: Client) -> None:
    reply = await client.legacy({"id": 1, "method": "tools/list"})
    assert (reply.status, reply.code) == (400, -32600)
    assert "initialize" in reply.json["error"]["message"]


async def test_an_unknown_method_of_a_legacy_client_is_no_404_which_would_end_its_session(client: Client) -> None:
    _, session = await client.initialize()
    for method in ("resources/list", "server/discover"):
        reply = await client.legacy({"id": 1, "method": method}, extra=[ALICE, ("Mcp-Session-Id", session)])
        assert (reply.status, reply.code) == (200, -32601), method


async def test_get_is_not_allowed(client: Client) -> None:
    reply = await client.send([ALICE, ("Accept", "text/event-stream")], b"", method="GET")
    assert (reply.status, reply.headers["allow"]) == (405, "POST, DELETE")


# --- who asks


@pytest.mark.parametrize("method", ["server/discover", "tools/list", "no/such"])
async def test_without_a_token_nothing_is_answered_but_where_to_get_one(
    client: Client, host: Host, method: str
) -> None:
    reply = await client.modern(method, extra=[("Authorization", "")])
    assert (reply.status, reply.reason) == (401, "token_missing")
    metadata = f"http://127.0.0.1:{client.port}/.well-known/oauth-protected-resource/mcp"
    assert reply.headers["www-authenticate"] == (
        f'Bearer resource_metadata="{metadata}", '
        f'DPoP resource_metadata="{metadata}", algs="ES256 ES384 EdDSA PS256 RS256"'
    )
    assert host.reasons == ["token_missing"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (["Bearer mallory"], "token_invalid"),
        (["Bearer alice-expired"], "token_expired"),
        (["Bearer alice-token", "Bearer bob-token"], "token_invalid"),
        (["Basic YWxpY2U6eA=="], "token_invalid"),
        (["Bearer alice-token, Bearer bob-token"], "token_invalid"),
        (["Bearer"], "token_invalid"),
    ],
)
async def test_a_bad_token_is_401_with_a_challenge(client: Client, values: list[str], code: str) -> None:
    reply = await client.call("odd__echo", extra=[("Authorization", value) for value in values], text="x")
    assert (reply.status, reply.reason) == (401, code)
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]
    assert "alice" not in reply.body.decode() + reply.headers["www-authenticate"]


@pytest.mark.parametrize("beside", [[], [ALICE]])
@pytest.mark.parametrize("query", ["access_token=alice-token", "a=b&access%5Ftoken=", "%61ccess_token"])
async def test_a_token_in_the_url_is_refused_with_or_without_another(
    client: Client, host: Host, query: str, beside: list[tuple[str, str]]
) -> None:
    raw = body(id=1, method="tools/list", params={"_meta": META})
    head = [header for header in modern_head("tools/list", {}) if header != ALICE]
    reply = await client.send([*head, *beside], raw, path=f"/mcp?{query}")
    assert (reply.status, reply.reason) == (400, "request_invalid")
    assert host.reasons == ["request_invalid"]


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
async def test_the_resource_metadata_names_resource_and_issuers(client: Client, host: Host, path: str) -> None:
    reply = await client.send([], b"", method="GET", path=path)
    assert reply.json == {
        "resource": host.url,
        "authorization_servers": ["https://login.test/"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "ES384", "EdDSA", "PS256", "RS256"],
    }


async def test_health_and_readiness_need_no_token(client: Client) -> None:
    assert (await client.send([], b"", method="GET", path="/healthz")).json == {"status": "alive"}
    assert (await client.send([], b"", method="GET", path="/readyz")).json == {"status": "ready"}
    assert (await client.send([], b"", method="GET", path="/nothing")).status == 404
    assert (await client.send([], b"", method="POST", path="/healthz")).status == 405


# --- hostile requests


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xef\xbb\xbf{}", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"tools/list"}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":18446744073709551616}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":1e400}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"s":"\\ud800"}}', -32700),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", -32700),
        (b"[" * 10_000, -32700),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b"7", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}', -32700),
    ],
)
async def test_what_is_no_message_is_refused_and_recorded(client: Client, host: Host, raw: bytes, code: int) -> None:
    reply = await client.send([ACCEPT, JSON, ALICE], raw)
    assert (reply.status, reply.code, reply.reason) == (400, code, "message_malformed")
    assert host.reasons == ["message_malformed"]
    decision = host.point.decisions[0]
    assert (decision.effect, decision.origin) == (Effect.DENY, DecisionOrigin.NONE)


async def test_what_a_record_holds_of_a_stranger_s_message_is_bounded(client: Client, host: Host) -> None:
    await client.send([ACCEPT, JSON], body(id="i" * 100_000, method="m" * 100_000))
    decision = host.point.decisions[-1]
    assert (len(decision.method or ""), len(decision.request_id or "")) == (128, 128)


async def test_a_body_over_the_limit_is_refused_before_it_is_read(client: Client, host: Host) -> None:
    reply = await client.send([ACCEPT, JSON, ALICE, ("Content-Length", str(10 * 1024 * 1024))], b"{")
    assert (reply.status, reply.reason, reply.headers["connection"]) == (413, "message_too_large", "close")
    assert host.reasons == ["message_too_large"]


async def test_a_chunked_body_is_read_no_further_than_the_limit(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    head = [("Host", f"127.0.0.1:{client.port}"), ACCEPT, JSON, ALICE, ("Transfer-Encoding", "chunked")]
    writer.write(("POST /mcp HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head) + "\r\n").encode())
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    reading = asyncio.create_task(read_reply(reader))
    try:
        while not reading.done() and sent < 64 * 1024 * 1024:
            writer.write(chunk)
            await writer.drain()
            sent += 0x10000
    except ConnectionError:
        pass
    assert (await reading).status == 413
    assert sent < 32 * 1024 * 1024, "buffers on the way included"
    writer.close()


async def test_a_head_without_end_is_cut_off(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-Long: ")
    sent = 0
    try:
        while sent < 16 * 1024 * 1024 and not reader.at_eof():
            writer.write(b"x" * 0x10000)
            await writer.drain()
            sent += 0x10000
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    assert sent < 16 * 1024 * 1024
    writer.close()


async def test_trailers_are_no_headers(client: Client) -> None:
    raw = body(id=1, method="server/discover", params={"_meta": META})
    head = [("Host", f"127.0.0.1:{client.port}"), *modern_head("server/discover", {}), ("Transfer-Encoding", "chunked")]
    head = [header for header in head if header != ALICE]
    chunks = f"{len(raw):x}\r\n".encode() + raw + b"\r\n0\r\nAuthorization: Bearer alice-token\r\n\r\n"
    request = ("POST /mcp HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in head) + "\r\n").encode() + chunks
    assert (await client.raw(request)).reason == "token_missing"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ([("Content-Type", "text/plain")], 415),
        ([("Content-Type", "application/jsonp")], 415),
        ([("Content-Type", "")], 415),
        ([("Content-Type", "application/json"), ("Content-Type", "text/html")], 415),
        ([("Content-Encoding", "gzip")], 415),
        ([("Accept", "text/html")], 406),
        ([("Accept", "application/json;q=0")], 406),
        ([("Content-Type", "application/json; charset=utf-8")], 200),
        ([("Accept", "*/*")], 200),
        ([("Accept", "")], 200),
    ],
)
async def test_bodies_are_json_and_json_is_accepted(
    client: Client, changed: list[tuple[str, str]], status: int
) -> None:
    assert (await client.modern("server/discover", extra=changed)).status == status


@pytest.mark.parametrize(
    "changed",
    [
        [("Host", "evil.example")],
        [("Host", "127.0.0.1.evil.example:{port}")],
        [("Host", "127.0.0.1:1")],
        [("Host", "127.0.0.1:{port}.evil.example")],
        [("Host", "evil@127.0.0.1:{port}")],
        [("Host", "127.0.0.1:{port}"), ("Host", "evil.example")],
        [("Host", "localhost.:{port}")],
        [("Origin", "http://evil.example")],
        [("Origin", "null")],
        [("Origin", "http://127.0.0.1:{port}")],
    ],
)
async def test_a_request_meant_for_another_host_is_refused(
    client: Client, host: Host, changed: list[tuple[str, str]]
) -> None:
    extra = [(name, value.replace("{port}", str(client.port))) for name, value in changed]
    reply = await client.modern("tools/list", extra=extra)
    assert reply.status in {400, 403}
    assert [reason for reason in host.reasons if reason != "request_invalid"] == []
    assert not host.point.asked


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
async def test_loopback_has_several_names(client: Client, name: str) -> None:
    reply = await client.modern("server/discover", extra=[("Host", f"{name}:{client.port}")])
    assert reply.status == 200


async def test_configured_hosts_and_origins_are_answered() -> None:
    allowed: dict[str, Any] = {"allowed_hosts": ["gate.test"], "allowed_origins": ["https://app.test"]}
    async with open_host({}) as opened, serve(opened, **allowed) as serving:
        client = Client(serving.address.port, host="gate.test")
        reply = await client.modern("server/discover", extra=[("Origin", "https://app.test")])
        assert reply.status == 200
        reply = await client.modern("server/discover", extra=[("Origin", "https://app.test.evil")])
        assert reply.status == 403


@pytest.mark.parametrize(
    "params",
    [
        {"name": "odd__echo", "arguments": []},
        {"name": 7},
        {"arguments": {}},
        {"name": "odd__echo", "task": {"ttl": 1}},
        {"name": "odd__echo", "inputResponses": {}},
    ],
)
async def test_a_call_with_members_that_are_not_understood_is_refused(
    client: Client, host: Host, params: dict[str, Any]
) -> None:
    raw = body(id=1, method="tools/call", params={**params, "_meta": META})
    head = modern_head("tools/call", {"name": str(params.get("name"))})
    reply = await client.send(head, raw)
    assert (reply.status, reply.code, reply.reason) == (400, -32602, "message_malformed")
    assert not host.point.outcomes


async def test_a_cursor_that_was_never_given_out_is_refused(client: Client) -> None:
    reply = await client.modern("tools/list", {"cursor": "x"})
    assert (reply.status, reply.code) == (400, -32602)


async def test_whose_refusal_cannot_be_recorded_is_told_to_come_again(client: Client, host: Host) -> None:
    host.point.records_lost = "disk full"
    reply = await client.modern("tools/list", extra=[("Authorization", "")])
    assert (reply.status, reply.reason) == (503, "log_unavailable")


async def test_a_record_that_is_lost_is_a_denial(client: Client, host: Host) -> None:
    host.point.records_lost = "disk full"
    reply = await client.call("odd__echo", text="x")
    assert reply.json["result"]["_meta"]["toolgate"]["reason_code"] == "log_unavailable"
    assert reply.json["result"]["isError"] is True


def test_the_limits_of_these_tests_are_those_of_the_product() -> None:
    assert LIMITS.message.max_bytes == 4 * 1024 * 1024
