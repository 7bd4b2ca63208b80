"""Where a request comes from: what listed proxies say, what everybody else says, and who is let in."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.flow.gateway_host import Host, odd, open_host, serve
from tests.flow.http_client import META, Client, modern_head

LOOPBACK = "127.0.0.0/8"
FORWARDED = {"trusted_proxies": [LOOPBACK], "client_address": "forwarded"}
X_FORWARDED_FOR = {"trusted_proxies": [LOOPBACK], "client_address": "x-forwarded-for"}
PROXY_PROTOCOL = {"trusted_proxies": [LOOPBACK], "client_address": "proxy-protocol"}


@asynccontextmanager
async def serving(**gateway: Any) -> AsyncIterator[tuple[Host, Client]]:
    async with open_host({"odd": odd("plain")}) as opened, serve(opened, **gateway) as host:
        yield host, Client(host.address.port)


def request_of(client: Client, *extra: tuple[str, str]) -> bytes:
    raw = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}).encode()
    head = [("Host", f"127.0.0.1:{client.port}"), ("Content-Length", str(len(raw))), *modern_head("tools/list", {})]
    return ("POST /mcp HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in [*head, *extra]) + "\r\n").encode() + raw


def recorded(host: Host) -> list[tuple[str, str | None]]:
    return [(record.reason_code.value, record.client_ip) for record in host.point.decisions]


async def test_policies_and_records_see_what_the_listed_proxy_says() -> None:
    async with serving(**X_FORWARDED_FOR) as (host, client):
        reply = await client.call("odd__echo", extra=[("X-Forwarded-For", "1.1.1.1, 198.51.100.9")], text="x")
        assert reply.status == 200
        assert recorded(host) == [("allowed", "198.51.100.9")]
        assert [asked.context["ip"] for asked in host.point.asked] == ["198.51.100.9"]


async def test_forwarded_is_read_where_it_is_the_source() -> None:
    async with serving(**FORWARDED) as (host, client):
        extra = [("Forwarded", 'for="[2001:db8::9]:1";proto=https'), ("X-Forwarded-For", "1.1.1.1")]
        assert (await client.modern("tools/list", extra=extra)).status == 200
        assert recorded(host) == [("allowed", "2001:db8::9")]


@pytest.mark.parametrize(
    "forged",
    [
        [("X-Forwarded-For", "198.51.100.9")],
        [("Forwarded", "for=198.51.100.9")],
        [("X-Real-IP", "198.51.100.9")],
        [("True-Client-IP", "198.51.100.9")],
        [("X-Forwarded-For", "not an address at all")],
        [("Forwarded", 'for="')],
    ],
)
@pytest.mark.parametrize("gateway", [{}, {**X_FORWARDED_FOR, "trusted_proxies": ["10.0.0.0/8"]}])
async def test_who_is_not_listed_is_where_it_connects_from(
    gateway: dict[str, Any], forged: list[tuple[str, str]]
) -> None:
    async with serving(**gateway) as (host, client):
        assert (await client.modern("tools/list", extra=forged)).status == 200
        assert recorded(host) == [("allowed", "127.0.0.1")]


@pytest.mark.parametrize(
    ("gateway", "extra"),
    [
        (X_FORWARDED_FOR, []),
        (X_FORWARDED_FOR, [("X-Forwarded-For", "unknown")]),
        (X_FORWARDED_FOR, [("X-Forwarded-For", "198.51.100.9, garbage")]),
        (X_FORWARDED_FOR, [("Forwarded", "for=198.51.100.9")]),
        (FORWARDED, []),
        (FORWARDED, [("Forwarded", "for=_hidden")]),
        (FORWARDED, [("Forwarded", 'for="x, for=198.51.100.9')]),
        (FORWARDED, [("X-Forwarded-For", "198.51.100.9")]),
    ],
)
async def test_an_address_that_the_proxy_does_not_say_is_refused_and_recorded(
    gateway: dict[str, Any], extra: list[tuple[str, str]]
) -> None:
    async with serving(**gateway) as (host, client):
        reply = await client.modern("tools/list", extra=extra)
        assert (reply.status, reply.reason, reply.headers["connection"]) == (403, "address_refused", "close")
        assert recorded(host) == [("address_refused", None)]
        assert not host.point.asked


async def test_an_allow_list_comes_before_any_identity_and_is_recorded() -> None:
    async with serving(**X_FORWARDED_FOR, ip_allow=["198.51.100.0/24", "2001:db8::/32"]) as (host, client):
        for address, status in [("198.51.100.9", 200), ("2001:db8::9", 200), ("198.51.101.9", 403), ("::1", 403)]:
            extra = [("X-Forwarded-For", address)]
            assert (await client.modern("tools/list", extra=extra)).status == status, address
        stranger = [("X-Forwarded-For", "203.0.113.5"), ("Authorization", "")]
        refused = await client.modern("tools/list", extra=stranger)
        assert (refused.status, refused.reason) == (403, "address_refused")
        assert "www-authenticate" not in refused.headers
        assert recorded(host) == [
            ("allowed", "198.51.100.9"),
            ("allowed", "2001:db8::9"),
            ("address_refused", "198.51.101.9"),
            ("address_refused", "::1"),
            ("address_refused", "203.0.113.5"),
        ]


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET", "OPTIONS", "HEAD", "PUT", "TRACE"])
async def test_an_allow_list_holds_for_every_method(method: str) -> None:
    async with serving(ip_allow=["198.51.100.0/24"]) as (host, client):
        assert (await client.send([], b"", method=method)).status == 403
        assert recorded(host) == [("address_refused", "127.0.0.1")]


async def test_metadata_and_health_are_for_everybody() -> None:
    async with serving(ip_allow=["198.51.100.0/24"]) as (host, client):
        for path in ("/.well-known/oauth-protected-resource", "/healthz", "/readyz"):
            assert (await client.send([], b"", method="GET", path=path)).status == 200
        assert recorded(host) == []


async def test_a_record_that_is_lost_lets_nobody_in() -> None:
    async with serving(ip_allow=["198.51.100.0/24"]) as (host, client):
        host.point.records_lost = "disk full"
        reply = await client.modern("tools/list")
        assert "result" not in reply.json
        assert reply.reason == "log_unavailable"


# --- the PROXY protocol


def version_2(address: bytes, *, command: int = 0x21) -> bytes:
    return b"\r\n\r\n\x00\r\nQUIT\n" + bytes([command, 0x11, 0, 12]) + address + b"\x0a\x00\x00\x05\x12\x67\x01\xbb"


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (b"PROXY TCP4 198.51.100.9 10.0.0.5 4711 443\r\n", "198.51.100.9"),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 4711 443\r\n", "2001:db8::9"),
        (b"PROXY TCP6 ::ffff:198.51.100.9 ::1 4711 443\r\n", "198.51.100.9"),
        (version_2(bytes([198, 51, 100, 9])), "198.51.100.9"),
        (version_2(bytes([198, 51, 100, 9]), command=0x20), "127.0.0.1"),
    ],
)
async def test_the_proxy_protocol_says_who_connected(header: bytes, address: str) -> None:
    async with serving(**PROXY_PROTOCOL) as (host, client):
        forged = request_of(client, ("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=1.1.1.1"))
        assert (await client.raw(header + forged)).status == 200
        assert recorded(host) == [("allowed", address)]


async def test_the_address_holds_for_every_request_of_the_connection_however_it_is_cut() -> None:
    async with serving(**PROXY_PROTOCOL) as (host, client):
        header = version_2(bytes([198, 51, 100, 9]))
        replies = await client.pieces([*(bytes([b]) for b in header), request_of(client), request_of(client)], count=2)
        assert [reply.status for reply in replies] == [200, 200]
        assert recorded(host) == [("allowed", "198.51.100.9")] * 2


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", version_2(b"")[:13] + b"\x00\x00\x00"])
async def test_a_proxy_that_does_not_know_is_refused(header: bytes) -> None:
    async with serving(**PROXY_PROTOCOL) as (host, client):
        reply = await client.raw(header + request_of(client))
        assert (reply.status, reply.reason) == (403, "address_refused")
        assert recorded(host) == [("address_refused", None)]


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"PROXY TCP4 198.51.100.9 10.0.0.5 4711 99999\r\n",
        b"PROXY TCP4 198.51.100.9\r\n",
        b"PROXY " + b"x" * 200,
        b"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x0c",
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_a_connection_without_its_header_ends_unanswered(start: bytes) -> None:
    async with serving(**PROXY_PROTOCOL) as (host, client):
        assert await client.unanswered(start + request_of(client)) == b""
        assert recorded(host) == []


async def test_a_second_header_is_no_request() -> None:
    async with serving(**PROXY_PROTOCOL) as (host, client):
        header = b"PROXY TCP4 198.51.100.9 10.0.0.5 4711 443\r\n"
        assert (await client.raw(header + header + request_of(client))).status == 400
        assert recorded(host) == []


async def test_who_is_not_listed_cannot_even_begin() -> None:
    async with serving(**{**PROXY_PROTOCOL, "trusted_proxies": ["10.0.0.0/8"]}) as (host, client):
        header = b"PROXY TCP4 198.51.100.9 10.0.0.5 4711 443\r\n"
        assert await client.unanswered(header + request_of(client)) == b""
        assert recorded(host) == []


# --- certificates


async def test_a_certificate_header_is_refused_from_who_is_not_listed_and_passed_on_from_who_is() -> None:
    sent = [("X-Cert", f"Hash={'ab' * 32}")]
    certificate = {"client_certificate": {"header": "X-Cert", "form": "xfcc_hash"}}
    async with serving(trusted_proxies=["10.0.0.0/8"], **certificate) as (host, client):
        reply = await client.modern("tools/list", extra=sent)
        assert (reply.status, reply.reason) == (401, "proof_invalid")
        assert recorded(host) == [("proof_invalid", "127.0.0.1")]
    async with serving(trusted_proxies=[LOOPBACK], **certificate) as (host, client):
        assert (await client.modern("tools/list", extra=sent)).status == 200
        assert (await client.modern("tools/list", extra=[("X-Cert", "Hash=x")])).reason == "proof_invalid"
        assert [seen.certificate for seen in host.tokens.seen] == ["q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"]
        metadata = await client.send([], b"", method="GET", path="/.well-known/oauth-protected-resource")
        assert metadata.json["tls_client_certificate_bound_access_tokens"] is True
