"""Hostile heads: each differs from one that is answered in the one thing that its name says, and none is."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.flow.gateway_host import Host, odd, open_host, serve
from tests.flow.http_client import META, VERSION, Client

GOOD = b"Authorization: Bearer alice-token\r\n"
CALL = {"name": "odd__echo", "arguments": {"text": "x"}, "_meta": META}
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": CALL}).encode()


@dataclass(frozen=True)
class Head:
    """What stands in place of the good `Authorization`, and of the parts around it."""

    credential: bytes
    status: int
    code: str | None
    """None where the HTTP parser refuses: then it is no request, and the process's log has it."""
    line: bytes = b"POST /mcp HTTP/1.1"
    length: bytes = b"Content-Length: %d\r\n"
    body: bytes = BODY


def bad(credential: bytes, code: str = "token_invalid", **parts: Any) -> Head:
    return Head(credential, 401, code, **parts)


def absent(credential: bytes, **parts: Any) -> Head:
    return bad(credential, "token_missing", **parts)


def unparsed(credential: bytes = GOOD, *, status: int = 400, **parts: Any) -> Head:
    return Head(credential, status, None, **parts)


def value(raw: bytes) -> bytes:
    return b"Authorization: " + raw + b"\r\n"


CHUNKED = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
HEADS = {
    # --- no credential, or one where none is looked for
    "nothing": absent(b""),
    "proxy credential": absent(b"Proxy-Authorization: Bearer alice-token\r\n"),
    "another name": absent(b"X-Authorization: Bearer alice-token\r\n"),
    "original name": absent(b"X-Original-Authorization: Bearer alice-token\r\n"),
    "forwarded name": absent(b"X-Forwarded-Authorization: Bearer alice-token\r\n"),
    "underscore for nothing": absent(b"Authorization_: Bearer alice-token\r\n"),
    "cookie": absent(b"Cookie: access_token=alice-token; Authorization=Bearer alice-token\r\n"),
    "name of a user": absent(b"X-Forwarded-User: alice\r\nRemote-User: alice\r\nX-Remote-User: corp|alice\r\n"),
    "identity of a cloud": absent(b"X-Amzn-Oidc-Identity: alice\r\nX-MS-CLIENT-PRINCIPAL-ID: alice\r\n"),
    "id token of a proxy": absent(b"X-Id-Token: alice-token\r\nX-Access-Token: alice-token\r\n"),
    "proof alone": absent(b"DPoP: a.b.c\r\n"),
    "trailer": absent(
        b"Trailer: Authorization\r\n", length=b"Transfer-Encoding: chunked\r\n", body=CHUNKED + GOOD + b"\r\n"
    ),
    "user in the target": absent(b"", line=b"POST http://alice-token@127.0.0.1/mcp HTTP/1.1"),
    "fragment in the target": absent(b"", line=b"POST /mcp#access_token=alice-token HTTP/1.1"),
    "protocol of sockets": Head(b"Connection: upgrade\r\nUpgrade: websocket\r\n", 400, "message_malformed"),
    "the next HTTP": Head(b"Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n", 400, "message_malformed"),
    "member of the body": absent(
        b"",
        body=json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {**CALL, "_meta": {**META, "authorization": "Bearer alice-token"}},
            }
        ).encode(),
    ),
    "query": Head(b"", 400, "request_invalid", line=b"POST /mcp?access_token=alice-token HTTP/1.1"),
    "query beside the header": Head(GOOD, 400, "request_invalid", line=b"POST /mcp?access_token=x HTTP/1.1"),
    "encoded query": Head(b"", 400, "request_invalid", line=b"POST /mcp?%61ccess%5Ftoken=alice-token HTTP/1.1"),
    # --- several credentials
    "twice": bad(GOOD + GOOD),
    "two people": bad(GOOD + value(b"Bearer bob-token")),
    "two spellings of the name": bad(GOOD + b"AUTHORIZATION: Bearer bob-token\r\n"),
    "two schemes": bad(GOOD + value(b"Basic YWxpY2U6eA==")),
    "one and an empty one": bad(GOOD + value(b"")),
    "an empty one and one": bad(value(b"") + GOOD),
    "joined by a comma": bad(value(b"Bearer alice-token, Bearer bob-token")),
    "joined by a comma alone": bad(value(b"Bearer alice-token,")),
    "after a comma": bad(value(b", Bearer alice-token")),
    "joined by a semicolon": bad(value(b"Bearer alice-token;bob-token")),
    "after a space": bad(value(b"Bearer alice-token bob-token")),
    "a hundred": bad(GOOD * 100),
    # --- white space
    "two spaces": bad(value(b"Bearer  alice-token")),
    "a tab": bad(value(b"Bearer\talice-token")),
    "a space and a tab": bad(value(b"Bearer \talice-token")),
    "a no-break space": bad(value(b"Bearer\xa0alice-token")),
    "a no-break space in UTF-8": bad(value(b"Bearer\xc2\xa0alice-token")),
    "a wide space": bad(value("Bearer\u3000alice-token".encode())),
    "a next line": bad(value(b"Bearer alice-token\x85")),
    "a zero-width space": bad(value("Bearer alice-token\u200b".encode())),
    "a byte order mark": bad(value(b"\xef\xbb\xbfBearer alice-token")),
    "a no-break space at the end": bad(value(b"Bearer alice-token\xa0")),
    "a space within": bad(value(b"Bearer alice -token")),
    "folded": unparsed(b"Authorization: Bearer\r\n alice-token\r\n"),
    "folded with a tab": unparsed(b"Authorization:\r\n\tBearer alice-token\r\n"),
    "folded into another header": unparsed(b"X-Note: a\r\n Authorization: Bearer alice-token\r\n"),
    "a space before the colon": unparsed(b"Authorization : Bearer alice-token\r\n"),
    "a tab before the colon": unparsed(b"Authorization\t: Bearer alice-token\r\n"),
    "a bare carriage return": unparsed(b"X-Note: a\rAuthorization: Bearer alice-token\r\n"),
    # --- characters
    "NUL at the end": unparsed(value(b"Bearer alice-token\x00")),
    "NUL within": unparsed(value(b"Bearer alice\x00-token")),
    "NUL in the name": unparsed(b"Authoriz\x00ation: Bearer alice-token\r\n"),
    "delete": unparsed(value(b"Bearer alice-token\x7f")),
    "escape": unparsed(value(b"Bearer \x1b[0malice-token")),
    "a letter beyond the name": unparsed("Authorizat\u0131on: Bearer alice-token\r\n".encode()),
    "a scheme of look-alikes": bad(value("\u0412\u0435arer alice-token".encode())),
    "a wide scheme": bad(value("\uff22earer alice-token".encode())),
    "a wide token": bad(value("Bearer alice\uff0dtoken".encode())),
    "an encoded token": bad(value(b"Bearer alice%2Dtoken")),
    "a quoted token": bad(value(b'Bearer "alice-token"')),
    "a named token": bad(value(b"Bearer token=alice-token")),
    "a token in MIME": bad(value(b"Bearer =?utf-8?q?alice-token?=")),
    # --- schemes
    "a scheme alone": bad(value(b"Bearer")),
    "a token alone": bad(value(b"alice-token")),
    "nothing in it": bad(value(b"")),
    "a scheme twice": bad(value(b"Bearer Bearer alice-token")),
    "a scheme with a colon": bad(value(b"Bearer: alice-token")),
    "a scheme with an equals sign": bad(value(b"Bearer=alice-token")),
    "an unknown scheme": bad(value(b"Token alice-token")),
    "JWT for a scheme": bad(value(b"JWT alice-token")),
    "Negotiate": bad(value(b"Negotiate alice-token")),
    "Digest": bad(value(b'Digest username="alice", response="token"')),
    "Basic": bad(value(b"Basic YWxpY2U6dG9rZW4=")),
    "Basic of garbage": bad(value(b"Basic ====")),
    "Basic of no base64": bad(value(b"Basic alice:token")),
    "Basic with the token": bad(value(b"Basic alice-token")),
    "DPoP without a proof": bad(value(b"DPoP alice-token")),
    "two proofs": bad(value(b"DPoP alice-token") + b"DPoP: a.b.c\r\nDPoP: a.b.c\r\n", "proof_invalid"),
    "two proofs beside a bearer token": bad(GOOD + b"DPoP: a.b.c\r\ndpop: d.e.f\r\n", "proof_invalid"),
    # --- sizes
    "a giant token": bad(value(b"Bearer " + b"a" * 40_000)),
    "a giant header": unparsed(value(b"Bearer " + b"a" * 140_000), status=431),
    "a giant scheme": bad(value(b"a" * 40_000 + b" alice-token")),
    "a giant proof": bad(value(b"DPoP alice-token") + b"DPoP: " + b"a" * 40_000 + b"\r\n"),
    "a flood of headers": unparsed(GOOD + b"X-A: b\r\n" * 20_000, status=431),
    # --- framing
    "two lengths": unparsed(length=b"Content-Length: 5\r\nContent-Length: %d\r\n"),
    "a length and chunks": unparsed(length=b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", body=CHUNKED),
    "chunks of another name": unparsed(length=b"Transfer-Encoding: xchunked\r\n"),
    "chunks that are not last": unparsed(length=b"Transfer-Encoding: chunked, identity\r\n"),
    "a length with a sign": unparsed(length=b"Content-Length: +%d\r\n"),
    "a length below nothing": unparsed(length=b"Content-Length: -%d\r\n"),
    "a length in hexadecimal": unparsed(length=b"Content-Length: 0x%x\r\n"),
    "a length in two": unparsed(length=b"Content-Length: %d, 5\r\n"),
    "another version": unparsed(line=b"POST /mcp HTTP/3.7"),
    "no version": unparsed(line=b"POST /mcp"),
    "a preface of HTTP/2": unparsed(line=b"PRI * HTTP/2.0"),
    "a control in the target": unparsed(line=b"POST /mc\x01p HTTP/1.1"),
    "a method of its own": unparsed(line=b"P\xc3\x96ST /mcp HTTP/1.1"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened) as serving:
        yield serving


def raw(head: Head, port: int) -> bytes:
    length = head.length % len(head.body) if b"%" in head.length else head.length
    around = (
        f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nMCP-Protocol-Version: {VERSION}\r\n"
        "Mcp-Method: tools/call\r\nMcp-Name: odd__echo\r\n"
    )
    return head.line + b"\r\n" + around.encode() + length + head.credential + b"\r\n" + head.body


@pytest.mark.asyncio(loop_scope="module")
async def test_the_head_that_they_differ_from_is_answered(host: Host) -> None:
    reply = await Client(host.address.port).raw(raw(Head(GOOD, 200, None), host.address.port))
    assert (reply.status, reply.json["result"]["content"]) == (200, [{"type": "text", "text": "x"}])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", HEADS)
async def test_no_hostile_head_gets_anywhere(host: Host, name: str) -> None:
    head = HEADS[name]
    host.point.records.clear()
    host.point.asked.clear()
    reply = await Client(host.address.port).raw(raw(head, host.address.port))
    assert reply.status == head.status
    assert host.reasons == ([] if head.code is None else [head.code])
    if head.code is not None:
        assert reply.reason == head.code
        assert reply.json["error"]["data"]["decision_id"] == host.point.decisions[0].id
    assert (host.point.asked, host.point.outcomes) == ([], [])
    assert b"alice" not in reply.body
    assert "alice" not in str(host.point.records)
    assert "alice" not in str(reply.headers)


def test_there_are_enough_of_them() -> None:
    assert len(HEADS) >= 80
