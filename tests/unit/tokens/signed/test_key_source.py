import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pdp.core.contract.errors import ConfigurationError
from pdp.tokens.signed.jwks import MAX_KEY_SET_BYTES, KeysUnavailableError
from pdp.tokens.signed.key_source import FileKeys, UrlKeys, checked_url

Answering = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def issuer(answering: Answering) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that answers each request head as told; gives its URL and the heads it got."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            heads.append(head)
            await answering(head, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


def fixed(body: bytes, *, status: str = "200 OK", headers: str = "") -> Answering:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body)
        await writer.drain()

    return answer


async def failure(url: str, *, within: float = 5.0) -> str:
    with pytest.raises(KeysUnavailableError) as caught:
        await UrlKeys(url, timeout=within).fetch()
    return str(caught.value)


async def test_a_key_set_is_fetched_as_it_is() -> None:
    async with issuer(fixed(b'{"keys":[]}')) as (url, heads):
        assert await UrlKeys(f"{url}/jwks?a=b", timeout=5).fetch() == b'{"keys":[]}'
    assert heads[0].startswith("GET /jwks?a=b HTTP/1.1\r\n")
    assert "accept-encoding: identity" in heads[0].lower()


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "304 Not Modified"])
async def test_only_a_plain_success_is_an_answer(status: str) -> None:
    async with issuer(fixed(b"", status=status)) as (url, _):
        assert f"status {status[:3]}" in await failure(url)


async def test_a_redirect_within_the_origin_is_followed() -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        if head.startswith("GET /old"):
            await fixed(b"", status="301 Moved", headers="location: /new\r\n")(head, writer)
        else:
            await fixed(b"keys")(head, writer)

    async with issuer(answer) as (url, _):
        assert await UrlKeys(f"{url}/old", timeout=5).fetch() == b"keys"


@pytest.mark.parametrize(
    "location", ["http://localhost:1/keys", "https://127.0.0.1/keys", "//evil.example.com/keys", "file:///etc/passwd"]
)
async def test_a_redirect_to_another_origin_is_refused(location: str) -> None:
    async with issuer(fixed(b"", status="302 Found", headers=f"location: {location}\r\n")) as (url, heads):
        assert "another origin" in await failure(url)
    assert len(heads) == 1


async def test_redirects_in_a_circle_end() -> None:
    async with issuer(fixed(b"", status="307 Again", headers="location: /\r\n")) as (url, heads):
        assert "redirects more than 3 times" in await failure(url)
    assert len(heads) == 4


async def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()
            sent += 65_536

    async with issuer(answer) as (url, _):
        assert f"more than {MAX_KEY_SET_BYTES} bytes" in await failure(url)
    assert sent < 100 * MAX_KEY_SET_BYTES


async def test_an_answer_that_drips_is_given_up_as_a_whole() -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with issuer(answer) as (url, _):
        assert "took longer than 0.3 s" in await failure(url, within=0.3)


async def test_an_answer_in_another_encoding_is_refused() -> None:
    async with issuer(fixed(b"\x1f\x8b", headers="content-encoding: gzip\r\n")) as (url, _):
        assert "an encoding that was not asked for" in await failure(url)


@pytest.mark.parametrize("junk", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"])
async def test_what_is_no_http_is_no_crash(junk: bytes) -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(junk)
        await writer.drain()

    async with issuer(answer) as (url, _):
        assert "cannot be reached" in await failure(url)


async def test_an_issuer_that_is_not_there_is_unavailable() -> None:
    async with issuer(fixed(b"")) as (url, _):
        pass
    assert "cannot be reached" in await failure(url)


async def test_a_server_that_cannot_prove_its_name_is_not_believed(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path / "localhost.pem"))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert "cannot be reached: ConnectError" in await failure(f"https://localhost:{port}/jwks")


def self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    "url", ["https://login.example.com/jwks", "http://127.0.0.1:9/x", "http://[::1]/x", "http://localhost/x"]
)
def test_urls_that_keys_may_come_from(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com/jwks",
        "http://127.0.0.1.evil.example.com/",
        "http://localhost.evil.example.com/",
        "https://user:pass@login.example.com/",
        "ftp://login.example.com/",
        "https:///jwks",
        "file:///etc/passwd",
        "http://[::1",
        "https://",
    ],
)
def test_urls_that_keys_must_not_come_from(url: str) -> None:
    with pytest.raises(ConfigurationError):
        checked_url(url)


async def test_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(b"one")
    assert await FileKeys(path).fetch() == b"one"
    path.write_bytes(b"two")
    assert await FileKeys(path).fetch() == b"two"


async def test_files_that_cannot_be_read_or_are_too_large_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b" " * (MAX_KEY_SET_BYTES + 1))
    for name in ("missing", "large", "."):
        with pytest.raises(KeysUnavailableError):
            await FileKeys(tmp_path / name).fetch()
