"""This process's standard streams as the wire: nothing but messages reaches the one, all else goes to stderr."""

import asyncio
import os
import stat
from functools import partial
from typing import Final

from enforcers.gateway.transports.stdio import ReadChunk, WriteLine

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2
_CHUNK: Final = 256 * 1024


def claim_stdout() -> int:
    """A private descriptor of stdout; what anything else writes to stdout goes to stderr from now on."""
    wire = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    return wire


async def reader(descriptor: int = _STDIN) -> ReadChunk:
    """Reads chunks; an empty one is the end."""
    if not _can_be_waited_for(descriptor):
        return partial(asyncio.to_thread, os.read, descriptor, _CHUNK)
    stream = asyncio.StreamReader(limit=_CHUNK)
    pipe = os.fdopen(descriptor, "rb", buffering=0, closefd=False)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    return partial(stream.read, _CHUNK)


async def writer(descriptor: int) -> WriteLine:
    """Writes whole lines, one after the other, waiting while the other side does not read."""
    if not _can_be_waited_for(descriptor):
        return partial(_write_all, descriptor)
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "wb", buffering=0, closefd=False)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    stream = asyncio.StreamWriter(transport, protocol, None, loop)

    async def write_line(line: bytes) -> None:
        stream.write(line)
        await stream.drain()

    return write_line


async def _write_all(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _can_be_waited_for(descriptor: int) -> bool:
    """Whether an event loop can watch it: pipes, sockets and terminals, but no files and no null device."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
