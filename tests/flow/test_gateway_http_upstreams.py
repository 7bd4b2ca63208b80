"""Servers over HTTP that misbehave: whatever they send, a call has the right answer or none."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import pytest
import structlog
from aiohttp import web

from enforcers.gateway.upstreams.peer import Peer
from enforcers.gateway.upstreams.streamable_http import HttpConnector
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonLimits
from tests.flow.gateway_host import LIMITS, open_host, until
from tests.flow.servers.definitions import ECHO

SMALL = replace(LIMITS, call_timeout=5, message=JsonLimits(max_bytes=64 * 1024))
EVENTS = {"Content-Type": "text/event-stream"}

Handler: TypeAlias = Callable[["Server", web.Request, Any], Awaitable[web.StreamResponse]]


def message(request_id: Any, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def said(request_id: Any, text: str = "hello") -> dict[str, Any]:
    return message(request_id, {"content": [{"type": "text", "text": text}]})


def event(body: Any) -> str:
    return f"event: message\ndata: {json.dumps(body)}\n\n"


@dataclass
class Server:
    """A legacy server; `on_call` answers `tools/call`, `probe` the first request."""

    on_call: Handler
    on_probe: Handler | None = None
    sessions: int = 0
    session: str | None = None
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    with_sessions: str | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read() or b"{}")
        self.seen.append((request.method, {k.lower(): v for k, v in request.headers.items()}, body))
        if request.method == "DELETE":
            return web.Response(status=204)
        sent = request.headers.get("Mcp-Session-Id")
        if sent is not None and sent != self.session:
            return web.Response(status=404)
        match body.get("method"):
            case "server/discover":
                if self.on_probe is not None:
                    return await self.on_probe(self, request, body)
                return web.Response(status=400, text="Bad Request")
            case "initialize":
                return self._initialize(body)
            case "tools/list":
                return web.json_response(message(body["id"], {"tools": [ECHO]}))
            case "tools/call":
                return await self.on_call(self, request, body)
            case _:
                return web.Response(status=202)

    def _initialize(self, body: Any) -> web.Response:
        headers = {}
        if self.with_sessions is not None:
            self.sessions += 1
            self.session = f"{self.with_sessions}{self.sessions}"
            headers["Mcp-Session-Id"] = self.session
        info = {"name": "odd", "version": "1"}
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        return web.json_response(message(body["id"], result), headers=headers)


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[str]:
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/mcp", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def peer(server: Server, *, limits: UpstreamLimits = SMALL) -> AsyncIterator[Peer]:
    async with listening(server) as url:
        connector = HttpConnector(url, headers={"X-Own": "1", "Accept": "text/html"}, limits=limits)
        found = Peer(
            connector,
            limits=limits,
            client={"name": "toolgate", "version": "0"},
            on_change=lambda: None,
            log=structlog.get_logger(),
        )
        try:
            yield found
        finally:
            await found.aclose()


async def call(upstream: Peer) -> str:
    result = await upstream.call("echo", arguments={"text": "x"})
    return str(result["content"][0]["text"])


async def plain(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.json_response(said(body["id"]))


async def redirect(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/mcp"})


async def compressed(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    packed = gzip.compress(json.dumps(said(body["id"])).encode())
    return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def huge(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.json_response(said(body["id"], "x" * 100_000))


async def huge_stream(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
    return web.Response(body=": " + "x" * 100_000, headers=EVENTS)


async def html(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
    return web.Response(text="<html>", content_type="text/html")


async def accepted(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
    return web.Response(status=202)


async def failed(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.json_response(said(body["id"]), status=500)


async def result_on_400(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.json_response(said(body["id"]), status=400)


async def wrong_id(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.json_response(said(body["id"] + 1))


async def batch(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.json_response([said(body["id"])])


async def twice(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    text = json.dumps(said(body["id"]))
    return web.Response(text=text[:-1] + ',"id":1}', content_type="application/json")


async def wrong_event(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
    return web.Response(text=event(said(99)), headers=EVENTS)


async def no_answer(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
    return web.Response(text=event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}), headers=EVENTS)


async def cut_off(_server: Server, request: web.Request, body: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "10000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(json.dumps(said(body["id"])).encode()[:30])
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize(
    "behaviour",
    [
        redirect, compressed, huge, huge_stream, html, accepted, failed, result_on_400, wrong_id, batch, twice,
        wrong_event, no_answer, cut_off,
    ],
)  # fmt: skip
async def test_a_broken_answer_is_no_answer(behaviour: Handler) -> None:
    async with peer(Server(behaviour)) as upstream:
        await upstream.start()
        with pytest.raises(UpstreamError):
            await call(upstream)


async def test_nothing_but_our_own_headers_is_sent_and_ours_win() -> None:
    server = Server(plain)
    async with peer(server) as upstream:
        await upstream.start()
        assert await call(upstream) == "hello"
    _, headers, _ = next(seen for seen in server.seen if seen[2].get("method") == "tools/call")
    assert headers["x-own"] == "1"
    assert headers["accept"] == "application/json, text/event-stream"
    assert headers["mcp-protocol-version"] == "2025-06-18"
    assert not {"authorization", "cookie", "mcp-session-id", "mcp-name"} & set(headers)


async def test_an_answer_in_a_stream_comes_after_what_else_is_in_it_and_questions_are_answered() -> None:
    async def streamed(server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
        text = ": hello\n\n" + event({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}})
        text += event({"jsonrpc": "2.0", "id": "q1", "method": "ping"})
        text += event({"jsonrpc": "2.0", "id": "q2", "method": "roots/list"})
        return web.Response(text=text + event(said(body["id"])), headers=EVENTS)

    server = Server(streamed)
    async with peer(server) as upstream:
        await upstream.start()
        assert await call(upstream) == "hello"
    replies = {body["id"]: body for _, _, body in server.seen if str(body.get("id", "")).startswith("q")}
    assert replies["q1"]["result"] == {}
    assert replies["q2"]["error"]["code"] == -32601


async def test_a_session_that_the_server_ended_is_opened_again_and_the_call_is_made_once() -> None:
    calls: list[str | None] = []

    async def forgetful(server: Server, request: web.Request, body: Any) -> web.StreamResponse:
        calls.append(request.headers.get("Mcp-Session-Id"))
        return web.json_response(said(body["id"]))

    server = Server(forgetful, with_sessions="session-")
    async with (
        listening(server) as url,
        open_host({"odd": HttpConnector(url, headers={}, limits=SMALL)}, limits=SMALL) as host,
    ):
        offer = host.router.offered("odd__echo")
        assert offer is not None
        await host.router.forward(offer, {"text": "x"})
        server.session = "ended by the server"
        await host.router.forward(offer, {"text": "x"})
    assert calls == ["session-1", "session-2"]
    assert ("DELETE", "session-2") in [(method, headers.get("mcp-session-id")) for method, headers, _ in server.seen]


@pytest.mark.parametrize("session", ["a b", "ä", "x" * 2000])
async def test_a_session_id_that_no_header_can_carry_is_refused(session: str) -> None:
    async with peer(Server(plain, with_sessions=session)) as upstream:
        with pytest.raises(UpstreamError, match="session id"):
            await upstream.start()


@pytest.mark.parametrize("status", [400, 404, 405, 406, 415])
async def test_a_probe_that_is_turned_down_leads_to_the_handshake(status: int) -> None:
    async def turned_down(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
        error = {"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32600, "message": "Bad Request"}}
        return web.json_response(error, status=status)

    async with peer(Server(plain, on_probe=turned_down)) as upstream:
        await upstream.start()
        assert await call(upstream) == "hello"


@pytest.mark.parametrize("code", [-32020, -32021, -32022])
async def test_a_modern_server_that_refuses_the_probe_is_not_spoken_to_as_a_legacy_one(code: int) -> None:
    async def refused(_server: Server, _request: web.Request, body: Any) -> web.StreamResponse:
        error = {"code": code, "message": "no", "data": {"supported": ["2099-01-01"], "requested": "2026-07-28"}}
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "error": error}, status=400)

    server = Server(plain, on_probe=refused)
    async with peer(server) as upstream:
        with pytest.raises(UpstreamError, match="modern"):
            await upstream.start()
    assert "initialize" not in [body.get("method") for _, _, body in server.seen]


async def test_a_cancelled_call_is_told_to_a_legacy_server() -> None:
    async def slow(_server: Server, _request: web.Request, _body: Any) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    server = Server(slow)
    async with peer(server) as upstream:
        await upstream.start()
        calling = asyncio.create_task(call(upstream))
        await until(lambda: server.seen[-1][2].get("method") == "tools/call", what="the call arrived")
        request_id = server.seen[-1][2]["id"]
        calling.cancel()
        await asyncio.wait([calling])
        await until(lambda: server.seen[-1][2].get("method") == "notifications/cancelled", what="it is told")
        assert server.seen[-1][2]["params"] == {"requestId": request_id}


async def test_a_server_that_is_not_there_is_down() -> None:
    connector = HttpConnector("http://127.0.0.1:9/mcp", headers={}, limits=SMALL)
    async with open_host({"odd": connector}) as host:
        assert list(host.router.all()) == []


async def test_a_server_that_comes_back_is_found_again() -> None:
    server = Server(plain)
    async with listening(server) as url:
        port = int(url.split(":")[2].split("/")[0])
    connector = HttpConnector(url, headers={}, limits=SMALL)
    async with open_host({"odd": connector}) as host:
        assert list(host.router.all()) == []
        app = web.Application()
        app.router.add_route("*", "/mcp", server.answer)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        try:
            await until(lambda: host.router.offered("odd__echo"), what="its tools are offered")
        finally:
            await runner.cleanup()
