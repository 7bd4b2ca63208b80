import asyncio
import gzip
from typing import Any

import pytest

from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import MAX_HEADER_BYTES, Fetcher, FetchLimits
from pdp.tokens.fetch.unavailable import StatusError, UnavailableError
from tests.unit.tokens.fetch.serving import JSON, Answering, fixed, serving

MAX_BYTES = 10_000
AMPLE = FetchLimits(seconds=20, max_bytes=MAX_BYTES)


async def get(port: int, path: str = "/", *, limits: FetchLimits = AMPLE) -> bytes:
    return await Fetcher().get(read_endpoint(f"http://127.0.0.1:{port}{path}"), limits=limits)


async def failure(answering: Answering, *, limits: FetchLimits = AMPLE) -> str:
    async with serving(answering) as (port, _):
        with pytest.raises(UnavailableError) as caught:
            await get(port, limits=limits)
    return str(caught.value)


async def test_what_is_published_arrives_as_it_is() -> None:
    async with serving(fixed(b'{"keys":[]}')) as (port, requests):
        assert await get(port, "/jwks?a=b") == b'{"keys":[]}'
    (request,) = requests
    assert request.lower().splitlines() == [
        "get /jwks?a=b http/1.1",
        f"host: 127.0.0.1:{port}",
        "accept: application/json",
        "accept-encoding: identity",
        "user-agent: toolgate",
        "connection: close",
        "",
    ]


async def test_a_form_is_posted_with_the_headers_given() -> None:
    async with serving(fixed(b'{"active":false}')) as (port, requests):
        endpoint = read_endpoint(f"http://127.0.0.1:{port}/introspect")
        form = {"token": "a b&c=ü", "token_type_hint": "access_token"}
        answer = await Fetcher().post(endpoint, form=form, headers={"authorization": "Basic eDp5"}, limits=AMPLE)
    assert answer == b'{"active":false}'
    head, _, body = requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /introspect HTTP/1.1\r\n")
    lines = head.lower().splitlines()
    assert "authorization: basic edp5" in lines
    assert "content-type: application/x-www-form-urlencoded" in lines
    assert body == "token=a+b%26c%3D%C3%BC&token_type_hint=access_token"


async def test_a_post_is_never_sent_elsewhere() -> None:
    async with serving(fixed(b"", status="307 Moved", headers="location: /other\r\n")) as (port, requests):
        with pytest.raises(StatusError) as caught:
            await Fetcher().post(read_endpoint(f"http://127.0.0.1:{port}/"), form={"token": "t"}, limits=AMPLE)
    assert caught.value.status == 307
    assert len(requests) == 1


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/jwk-set+json", "Application/JSON"])
async def test_what_is_called_json_is_taken(kind: str) -> None:
    async with serving(fixed(b"{}", headers=f"content-type: {kind}\r\n")) as (port, _):
        assert await get(port) == b"{}"


@pytest.mark.parametrize("kind", ["", "text/html", "text/json", "application/jwt", "application/jsonp", "json"])
async def test_what_is_called_something_else_is_refused(kind: str) -> None:
    headers = f"content-type: {kind}\r\n" if kind else ""
    assert "not called JSON" in await failure(fixed(b"{}", headers=headers))


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 404, 500, 503])
async def test_only_a_plain_success_is_an_answer(status: int) -> None:
    async with serving(fixed(b"", status=f"{status} Whatever")) as (port, _):
        with pytest.raises(StatusError) as caught:
            await get(port)
    assert (caught.value.status, str(caught.value)) == (status, f"`127.0.0.1` answered with status {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_within_the_origin_is_followed(status: int) -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        moved = fixed(b"", status=f"{status} Moved", headers="location: /new\r\n")
        await (moved if head.startswith("GET /old") else fixed(b"{}"))(head, writer)

    async with serving(answer) as (port, requests):
        assert await get(port, "/old") == b"{}"
    assert [request.split(" ")[1] for request in requests] == ["/old", "/new"]


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/",
        "http://127.0.0.1:1/",
        "http://127.0.0.2:{port}/",
        "https://127.0.0.1:{port}/",
        "//evil.example.com/",
        "http://user:pass@127.0.0.1:{port}/",
        "http://[::1",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "/" + "a" * 3000,
    ],
)
async def test_a_redirect_to_another_origin_is_refused(location: str) -> None:
    async def answer(head: str, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        await fixed(b"", status="302 Found", headers=f"location: {location.format(port=port)}\r\n")(head, writer)

    async with serving(answer) as (port, requests):
        with pytest.raises(UnavailableError, match="redirects to"):
            await get(port)
    assert len(requests) == 1


async def test_redirects_in_a_circle_end() -> None:
    async with serving(fixed(b"", status="307 Again", headers="location: /\r\n")) as (port, requests):
        with pytest.raises(UnavailableError, match="redirects more than 3 times"):
            await get(port)
    assert len(requests) == 4


async def test_a_redirect_without_a_target_ends() -> None:
    assert "redirects more than 3 times" in await failure(fixed(b"", status="302 Found", headers=""))


async def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\n".encode())
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()
            sent += 65_536

    assert f"more than {MAX_BYTES} bytes" in await failure(answer)
    assert sent < 100_000_000


async def test_content_of_just_the_bound_is_taken_and_one_byte_more_is_not() -> None:
    async with serving(fixed(b" " * MAX_BYTES)) as (port, _):
        assert len(await get(port)) == MAX_BYTES
    assert f"more than {MAX_BYTES} bytes" in await failure(fixed(b" " * (MAX_BYTES + 1)))


@pytest.mark.parametrize("count", [40, 4000])
async def test_a_flood_of_headers_is_refused(count: int) -> None:
    flood = "".join(f"x-{number}: {'a' * 1000}\r\n" for number in range(count))
    expected = f"more than {MAX_HEADER_BYTES} bytes of headers" if count == 40 else "cannot be reached"
    assert expected in await failure(fixed(b"{}", headers=JSON + flood))


async def test_an_answer_that_drips_is_given_up_as_a_whole() -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\n".encode())
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert "took longer than 0.3 s" in await failure(answer, limits=FetchLimits(seconds=0.3, max_bytes=MAX_BYTES))


async def test_headers_that_drip_are_given_up_as_a_whole() -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert "took longer than 0.3 s" in await failure(answer, limits=FetchLimits(seconds=0.3, max_bytes=MAX_BYTES))


async def test_interim_answers_without_end_are_given_up_as_a_whole() -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert "took longer than 0.3 s" in await failure(answer, limits=FetchLimits(seconds=0.3, max_bytes=MAX_BYTES))


async def test_silence_is_given_up() -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    assert "took longer than 0.3 s" in await failure(answer, limits=FetchLimits(seconds=0.3, max_bytes=MAX_BYTES))


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x"])
async def test_an_answer_in_another_encoding_is_refused(encoding: str) -> None:
    headers = f"{JSON}content-encoding: {encoding}\r\n"
    assert "an encoding that was not asked for" in await failure(fixed(gzip.compress(b"{}"), headers=headers))


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: -1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-type : application/json\r\n\r\n{}",
        b"\0" * 200_000,
    ],
)
async def test_what_is_no_http_is_no_crash(junk: bytes) -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(junk)
        await writer.drain()

    assert "cannot be reached" in await failure(answer)


async def test_content_beyond_its_declared_length_is_not_read() -> None:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}content-length: 2\r\n\r\n{{}}evil".encode())
        await writer.drain()

    async with serving(answer) as (port, _):
        assert await get(port) == b"{}"


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with serving(fixed(b"")) as (port, _):
        pass
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await get(port)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(fixed(b'"proxy"')) as (proxy, asked), serving(fixed(b"{}")) as (port, _):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert await get(port) == b"{}"
    assert asked == []


async def test_no_message_quotes_content_query_or_credential() -> None:
    secret = "hunter2"
    endings: list[Any] = [
        fixed(secret.encode(), status="500 hunter2"),
        fixed(secret.encode(), headers="content-type: hunter2\r\n"),
        fixed(secret.encode(), headers=f"{JSON}content-encoding: hunter2\r\n"),
        fixed(b"", status="302 hunter2", headers="location: https://hunter2.example.com/hunter2\r\n"),
    ]
    for answering in endings:
        async with serving(answering) as (port, _):
            endpoint = read_endpoint(f"http://127.0.0.1:{port}/{secret}?{secret}")
            with pytest.raises(UnavailableError) as caught:
                await Fetcher().post(endpoint, form={"token": secret}, headers={"a": secret}, limits=AMPLE)
            assert secret not in str(caught.value)
            with pytest.raises(UnavailableError) as caught:
                await Fetcher().get(endpoint, limits=AMPLE)
            assert secret not in str(caught.value)


async def test_an_asker_that_goes_away_leaves_no_connection() -> None:
    opened, closed = asyncio.Event(), asyncio.Event()

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        opened.set()
        try:
            while True:
                writer.write(b" " * 100)
                await writer.drain()
                await asyncio.sleep(0.001)
        except ConnectionError:
            closed.set()

    async with serving(answer) as (port, _):
        asker = asyncio.create_task(get(port))
        await opened.wait()
        asker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asker
        async with asyncio.timeout(20):
            await closed.wait()
