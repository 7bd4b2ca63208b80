"""Answers every read with the same bytes: the fastest server there can be, to find the load generator's ceiling.

Usage: trivial_responder.py PORT SIZE, with the size of the answers' bodies.
"""

import asyncio
import sys
from typing import cast

import uvloop


class Responder(asyncio.Protocol):
    """One connection; on loopback a small request arrives in one read."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(self._answer)


def answer(size: int) -> bytes:
    """A response with a body of `size` bytes, the number 0 first."""
    body = b"000000000000".ljust(size)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


async def serve(port: int, size: int) -> None:
    """Listen until the process ends."""
    server = await asyncio.get_running_loop().create_server(lambda: Responder(answer(size)), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
