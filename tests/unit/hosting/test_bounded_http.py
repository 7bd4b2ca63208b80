import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from pdp.hosting.bounded_http import MAX_HEAD_BYTES, BoundedHttpProtocol
from pdp.server.exchange import Receive, Scope, Send


class _Hasty(BoundedHttpProtocol):
    head_seconds = 0.05


async def greet(scope: Scope, receive: Receive, send: Send) -> None:
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(
    protocol: Callable[..., BoundedHttpProtocol] = BoundedHttpProtocol,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config, state = uvicorn.Config(greet, log_config=None, lifespan="off"), ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        async with asyncio.timeout(30):
            yield reader, writer
    finally:
        writer.close()
        server.close()
        for connection in list(state.connections):
            connection.shutdown()


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    return head.split(b" ", 2)[1] + b" " + await reader.readexactly(length)


def post(body: bytes, headers: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (headers, len(body), body)


async def test_bodies_do_not_count_and_every_request_counts_anew() -> None:
    async with connected() as (reader, writer):
        for _ in range(5):
            writer.write(post(b"x" * 1_000_000, b"a: " + b"b" * (MAX_HEAD_BYTES // 2) + b"\r\n"))
            assert await answer(reader) == b"200 1000000"


async def test_chunked_bodies_are_bodies() -> None:
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(100):
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        writer.write(b"0\r\n\r\n")
        assert await answer(reader) == b"200 6553600"


async def test_requests_one_after_the_other_without_waiting_are_all_answered() -> None:
    async with connected() as (reader, writer):
        writer.write(post(b"a") + post(b"bb") + post(b"ccc"))
        assert [await answer(reader) for _ in range(3)] == [b"200 1", b"200 2", b"200 3"]


async def test_headers_over_the_bound_are_told_so() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"b" * MAX_HEAD_BYTES)
        assert await answer(reader) == b"431 the headers are too large"
        assert await reader.read() == b""


@pytest.mark.parametrize(("opening", "more"), [(b"0\r\na: ", b"b" * 1000), (b"1;", b"b" * 1000)])
async def test_what_is_no_body_has_a_bound_after_the_headers_too(opening: bytes, more: bytes) -> None:
    async with connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + opening)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(more)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"])
async def test_a_request_that_does_not_come_is_not_waited_for(said: bytes) -> None:
    async with connected(_Hasty) as (reader, writer):
        writer.write(said)
        assert await reader.read() == b""


async def test_between_requests_there_is_more_time() -> None:
    async with connected(_Hasty) as (reader, writer):
        writer.write(post(b"a"))
        assert await answer(reader) == b"200 1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read()
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.read() == b"", "and none to be slow in the next one"
