import contextlib
import struct
from functools import partial
from ipaddress import ip_address

import pytest

from pdp.hosting.networks import Networks
from pdp.hosting.proxied_http import ProxiedHttpProtocol
from pdp.hosting.proxy_protocol import (
    MAX_BINARY_BYTES,
    ProxyHeader,
    ProxyHeaderError,
    Said,
    read_proxy_header,
)
from tests.unit.hosting.test_bounded_http import answer, connected, post

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def binary(payload: bytes, *, command: int = 0x21, family: int = 0x11, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(payload) if length is None else length) + payload


def tcp4(source: str = "198.51.100.9", port: int = 4711, extra: bytes = b"") -> bytes:
    return binary(ip_address(source).packed + ip_address("10.0.0.5").packed + struct.pack("!HH", port, 443) + extra)


def tcp6(source: str) -> bytes:
    payload = ip_address(source).packed + ip_address("2001:db8::1").packed + struct.pack("!HH", 4711, 443)
    return binary(payload, family=0x21)


@pytest.mark.parametrize(
    ("header", "said", "client"),
    [
        (b"PROXY TCP4 198.51.100.9 10.0.0.5 4711 443\r\n", Said.RELAYED, ("198.51.100.9", 4711)),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 0 65535\r\n", Said.RELAYED, ("2001:db8::9", 0)),
        (b"PROXY TCP6 ::ffff:198.51.100.9 ::ffff:10.0.0.5 1 2\r\n", Said.RELAYED, ("198.51.100.9", 1)),
        (b"PROXY UNKNOWN\r\n", Said.UNKNOWN, None),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Said.UNKNOWN, None),
        (tcp4(), Said.RELAYED, ("198.51.100.9", 4711)),
        (tcp4(extra=b"\x04\x00\x03abc"), Said.RELAYED, ("198.51.100.9", 4711)),
        (tcp6("2001:db8::9"), Said.RELAYED, ("2001:db8::9", 4711)),
        (tcp6("::ffff:198.51.100.9"), Said.RELAYED, ("198.51.100.9", 4711)),
        (binary(b"", command=0x20, family=0), Said.LOCAL, None),
        (binary(b"x" * 12, command=0x20), Said.LOCAL, None),
        (binary(b"", family=0), Said.UNKNOWN, None),
        (binary(b"x" * 216, family=0x31), Said.UNKNOWN, None),
    ],
)
def test_a_header_says_who_connected_however_it_arrives(
    header: bytes, said: Said, client: tuple[str, int] | None
) -> None:
    assert read_proxy_header(header + b"GET / HTTP/1.1\r\n") == ProxyHeader(len(header), said, client)
    assert [read_proxy_header(header[:end]) for end in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n",
        b"POST",
        b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + b"x" * 107,
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        b"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n",
        b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY TCP6 \xb2001:db8::9 2001:db8::1 1 2\r\n",
        b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY UNKNOWN \x00\r\n",
        b"PROXY \r\n",
        b"PROXY TCP4 " + b"1" * 107,
        SIGNATURE[:-1] + b"\r" + b"\x21\x11\x00\x0c" + b"x" * 12,
        binary(b"x" * 11),
        binary(b"x" * 35, family=0x21),
        binary(b"x" * 12, family=0x12),
        binary(b"x" * 12, family=0x41),
        binary(b"x" * 12, command=0x11),
        binary(b"x" * 12, command=0x22),
        binary(b"", length=MAX_BINARY_BYTES),
        binary(b"", length=0xFFFF),
    ],
)
def test_what_is_no_header_is_none(header: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        read_proxy_header(header)


def test_without_any_byte_there_is_none_yet() -> None:
    assert read_proxy_header(b"") is None


class _Hasty(ProxiedHttpProtocol):
    head_seconds = 0.05


@pytest.mark.parametrize("said", [b"", b"PROXY TCP4 198.51.100.9", SIGNATURE, tcp4(), tcp4() + b"GET / HTTP/1.1\r\n"])
async def test_a_header_that_does_not_come_is_not_waited_for(said: bytes) -> None:
    async with connected(partial(_Hasty, proxies=Networks.of(["127.0.0.0/8"]))) as (reader, writer):
        writer.write(said)
        assert await reader.read() == b""


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8"], ["::1"]])
async def test_a_connection_from_elsewhere_is_not_listened_to(proxies: list[str]) -> None:
    async with connected(partial(ProxiedHttpProtocol, proxies=Networks.of(proxies))) as (reader, writer):
        writer.write(tcp4() + post(b"a"))
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


async def test_requests_follow_the_header_one_after_the_other() -> None:
    async with connected(partial(ProxiedHttpProtocol, proxies=Networks.of(["127.0.0.1"]))) as (reader, writer):
        writer.write(tcp4() + post(b"a") + post(b"bb"))
        assert [await answer(reader) for _ in range(2)] == [b"200 1", b"200 2"]
