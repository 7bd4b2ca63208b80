import asyncio
import contextlib
import socket
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


class _Impatient(BoundedHttpProtocol):
    stall_seconds = 0.05
    leaving_seconds = 0.05


class Endless:
    """An application that sends without end, until it hears that nobody takes it."""

    def __init__(self, *, most: int | None = None) -> None:
        self.most = most
        self.sent = 0
        self.has_sent = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(self._gone(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done() and (self.most is None or self.sent < self.most):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            self.sent += 65_536
            self.has_sent.set()
            await asyncio.sleep(0)
        if self.most is None:
            self.ended.set()
        await gone
        self.ended.set()

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


@asynccontextmanager
async def stalled(
    app: Endless, protocol: type[BoundedHttpProtocol]
) -> AsyncIterator[tuple[ServerState, socket.socket]]:
    """A connection that asks and takes nothing; both sides hold little for it."""
    config, state = uvicorn.Config(app, log_config=None, lifespan="off"), ServerState()
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = await loop.create_server(lambda: protocol(config, state, {}), sock=listening)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0)
        await loop.sock_connect(client, listening.getsockname())
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        try:
            async with asyncio.timeout(30):
                yield state, client
        finally:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()


async def test_a_reader_that_takes_nothing_is_dropped() -> None:
    app = Endless()
    async with stalled(app, _Impatient) as (state, _):
        await app.ended.wait()
        assert state.connections == set()


async def test_a_reader_that_takes_little_is_waited_for() -> None:
    class Patient(_Impatient):
        stall_seconds = 0.4

    app = Endless()
    async with stalled(app, Patient) as (state, client):
        loop = asyncio.get_running_loop()
        until = loop.time() + 3 * Patient.stall_seconds
        while loop.time() < until:
            await loop.sock_recv(client, 4096)
        assert len(state.connections) == 1
        assert not app.ended.is_set()


async def test_a_server_that_ends_does_not_wait_for_a_reader_that_takes_nothing() -> None:
    class Patient(_Impatient):
        stall_seconds = 3600.0

    app = Endless(most=32 * 1024)
    async with stalled(app, Patient) as (state, _):
        await app.has_sent.wait()
        for connection in list(state.connections):
            connection.shutdown()
        await app.ended.wait()
        assert state.connections == set()
