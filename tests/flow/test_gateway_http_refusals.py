"""What HTTP says of each denial of who calls, and what scripts in browsers may see of it."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from enforcers.testing.decision_point import answer
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import AnswerContext, EvaluationRequest, EvaluationResponse, ToolgateAnswer
from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from tests.flow.gateway_host import Host, odd, open_host, serve
from tests.flow.http_client import ALICE, Client

ORIGIN = "https://app.test"


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Host]:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened, allowed_origins=[ORIGIN]) as serving:
        yield serving


@pytest.fixture
def client(host: Host) -> Client:
    return Client(host.address.port)


@pytest.mark.parametrize("method", ["tools/call", "tools/list", "server/discover"])
@pytest.mark.parametrize(
    ("code", "status", "error", "retry"),
    [
        (ReasonCode.TOKEN_INVALID, 401, "invalid_token", None),
        (ReasonCode.TOKEN_EXPIRED, 401, "invalid_token", None),
        (ReasonCode.AUDIENCE_MISMATCH, 401, "invalid_token", None),
        (ReasonCode.PROOF_INVALID, 401, "invalid_token", None),
        (ReasonCode.IDENTITY_UNMAPPED, 403, None, None),
        (ReasonCode.LIMIT_EXCEEDED, 429, None, None),
        (ReasonCode.ISSUER_UNAVAILABLE, 503, None, "5"),
    ],
)
async def test_each_refusal_of_a_credential_has_its_status(
    client: Client, host: Host, method: str, code: ReasonCode, status: int, error: str | None, retry: str | None
) -> None:
    host.tokens.refuses = TokenError(code, "secret cause")
    params = {"name": "odd__echo", "arguments": {"text": "x"}} if method == "tools/call" else {}
    reply = await client.modern(method, params)
    assert (reply.status, reply.reason, reply.json["id"]) == (status, code.value, 1)
    assert reply.json["error"]["data"]["decision_id"] == host.point.decisions[-1].id
    challenge = reply.headers.get("www-authenticate", "")
    assert (f'error="{error}"' in challenge, bool(challenge)) == (error is not None, error is not None)
    assert reply.headers.get("retry-after") == retry
    assert "secret" not in str(reply)
    assert not host.point.outcomes


async def test_a_nonce_that_is_wanted_is_given() -> None:
    async with open_host({}) as opened, serve(opened) as host:
        host.tokens.refuses = TokenError(ReasonCode.PROOF_INVALID, "old", nonce="n-1.x")
        client = Client(host.address.port)
        reply = await client.modern("tools/list", extra=[("Authorization", "DPoP alice-token"), ("DPoP", "a.b.c")])
        assert (reply.status, reply.headers["dpop-nonce"]) == (401, "n-1.x")
        seen = host.tokens.seen[-1]
        assert (seen.scheme, seen.proof, seen.method, seen.url) == ("dpop", "a.b.c", "POST", host.url)


async def test_what_a_proof_must_be_for_is_never_what_the_host_header_says() -> None:
    resource = "https://gate.test/tools/mcp"
    async with open_host({}) as opened, serve(opened, resource=resource, allowed_hosts=["other.test"]) as host:
        for name in ("gate.test", "other.test", f"127.0.0.1:{host.address.port}"):
            extra = [("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "http"), ("Forwarded", "host=evil.test")]
            await Client(host.address.port, host=name).modern("tools/list", extra=extra)
        await Client(host.address.port).send([ALICE, ("Mcp-Session-Id", "A" * 43)], b"", method="DELETE")
        assert [(seen.method, seen.url) for seen in host.tokens.seen] == [("POST", resource)] * 3 + [
            ("DELETE", resource)
        ]


@pytest.mark.parametrize("scopes", [["files:read", "files:write"], []])
async def test_a_missing_scope_names_all_that_the_call_needs(client: Client, host: Host, scopes: list[str]) -> None:
    def decide(_request: EvaluationRequest) -> EvaluationResponse:
        denied = answer(ReasonCode.SCOPE_MISSING).context.toolgate
        toolgate = ToolgateAnswer(
            decision_id=denied.decision_id,
            reason_code=denied.reason_code,
            generation=1,
            bundle=denied.bundle,
            message="needs `files:write`",
            scopes=scopes,
        )
        return EvaluationResponse(decision=False, context=AnswerContext(toolgate))

    host.point.decides = decide
    reply = await client.call("odd__echo", text="x")
    assert (reply.status, reply.reason, reply.json["error"]["message"]) == (
        403,
        "scope_missing",
        "needs `files:write`",
    )
    metadata = f"http://127.0.0.1:{client.port}/.well-known/oauth-protected-resource/mcp"
    scope = 'scope="files:read files:write", ' if scopes else ""
    assert reply.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="the bearer token lacks a required scope", '
        f'{scope}resource_metadata="{metadata}"'
    )


async def test_a_legacy_client_is_refused_with_the_same_words(client: Client, host: Host) -> None:
    _, session = await client.initialize()
    own = [ALICE, ("Mcp-Session-Id", session), ("MCP-Protocol-Version", "2025-11-25")]
    host.point.decides = lambda _request: answer(ReasonCode.SCOPE_MISSING)
    params = {"name": "odd__echo", "arguments": {"text": "x"}}
    call = {"id": 1, "method": "tools/call", "params": params}
    scope = await client.legacy(call, extra=own)
    assert (scope.status, scope.reason, scope.json["id"]) == (403, "scope_missing", 1)
    assert 'Bearer error="insufficient_scope"' in scope.headers["www-authenticate"]
    for code, status in ((ReasonCode.TOKEN_EXPIRED, 401), (ReasonCode.ISSUER_UNAVAILABLE, 503)):
        host.tokens.refuses = TokenError(code, "x")
        assert [(await client.legacy(call, extra=own)).status, (await client.initialize())[0].status] == [status] * 2


async def test_scopes_that_every_tool_needs_are_asked_for_at_once_and_are_those_of_now(
    client: Client, host: Host
) -> None:
    path = "/.well-known/oauth-protected-resource/mcp"
    before = await client.send([], b"", method="GET", path=path)
    needing = [msgspec.structs.replace(tool, scopes=("use", "offline_access")) for tool in host.point.active.tools()]
    host.point.active = Catalog(needing)
    await host.gateway.definitions.compare()
    after = await client.send([], b"", method="GET", path=path)
    assert ("scopes_supported" in before.json, after.json["scopes_supported"]) == (False, ["use"])
    reply = await client.modern("tools/list", extra=[("Authorization", "")])
    assert reply.headers["www-authenticate"].startswith('Bearer scope="use", resource_metadata="')


# --- scripts in browsers

SHARED = {
    "access-control-allow-origin": ORIGIN,
    "access-control-expose-headers": "WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce, Retry-After",
    "vary": "Origin",
}


def cors(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control-") or name == "vary"}


async def test_a_script_of_an_allowed_origin_reads_answers_good_and_bad(client: Client) -> None:
    origin = ("Origin", ORIGIN)
    good = await client.modern("tools/list", extra=[origin])
    bad = await client.modern("tools/list", extra=[origin, ("Authorization", "")])
    session = await client.legacy({"id": 1, "method": "ping"}, extra=[ALICE, origin, ("Mcp-Session-Id", "A" * 43)])
    notified = await client.legacy({"method": "notifications/initialized"}, extra=[ALICE, origin])
    metadata = await client.send([origin], b"", method="GET", path="/.well-known/oauth-protected-resource/mcp")
    assert [reply.status for reply in (good, bad, session, notified, metadata)] == [200, 401, 404, 400, 200]
    assert [cors(reply.headers) for reply in (good, bad, session, notified, metadata)] == [SHARED] * 5


async def test_nobody_else_s_script_reads_anything(client: Client) -> None:
    for foreign in ("https://evil.test", "null", ORIGIN + ".evil.test", "http://app.test", ORIGIN + ":443", "*"):
        origin = ("Origin", foreign)
        asked = await client.modern("tools/list", extra=[origin])
        preflight = await client.send(
            [origin, ("Access-Control-Request-Method", "POST")], b"", method="OPTIONS", path="/mcp"
        )
        page = await client.send([origin], b"", method="GET", path="/.well-known/oauth-protected-resource")
        assert [reply.status for reply in (asked, preflight, page)] == [403, 403, 200], foreign
        assert [cors(reply.headers) for reply in (asked, preflight, page)] == [{}] * 3, foreign


async def test_two_origins_are_none(client: Client) -> None:
    origins = [("Origin", ORIGIN), ("Origin", ORIGIN)]
    for path in ("/mcp", "/.well-known/oauth-protected-resource"):
        reply = await client.send(origins, b"", method="OPTIONS", path=path)
        assert cors(reply.headers) == {}


async def test_a_preflight_says_what_may_be_sent(client: Client, host: Host) -> None:
    asked = [("Origin", ORIGIN), ("Access-Control-Request-Method", "POST")]
    endpoint = await client.send(asked, b"", method="OPTIONS")
    page = await client.send(asked, b"", method="OPTIONS", path="/.well-known/oauth-protected-resource")
    for reply, methods in ((endpoint, "POST, DELETE"), (page, "GET, HEAD")):
        assert (reply.status, reply.body) == (204, b"")
        assert cors(reply.headers) == SHARED | {
            "access-control-allow-methods": methods,
            "access-control-allow-headers": "Authorization, *",
            "access-control-max-age": "600",
        }
    assert host.reasons == []


async def test_cookies_are_never_asked_for(client: Client) -> None:
    reply = await client.modern("tools/list", extra=[("Origin", ORIGIN)])
    assert "access-control-allow-credentials" not in reply.headers
    assert "set-cookie" not in reply.headers


async def test_the_metadata_answers_head_as_get(client: Client) -> None:
    path = "/.well-known/oauth-protected-resource/mcp"
    got = await client.send([], b"", method="GET", path=path)
    head = await client.send([], b"", method="HEAD", path=path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(got.body)))
    assert (await client.send([], b"", method="POST", path=path)).status == 405
