"""Answers without an end of their own: pieces as they come, until either side has had enough."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from pdp.server.exchange import Headers, Receive, Send


class Frames(Protocol):
    """The pieces of one answer."""

    async def next(self) -> bytes | None:
        """The next piece once there is one, None where it was the last."""
        ...

    def close(self) -> None:
        """There are no more; may be said more than once, and while somebody waits in `next`."""
        ...


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer whose body comes in pieces; who has it has to write it, or to close its frames."""

    frames: Frames
    content_type: bytes
    status: int = 200
    headers: Headers = ()


async def write_stream(send: Send, answer: StreamedAnswer, receive: Receive) -> None:
    """Send `answer` piece by piece, until its frames are over or the caller goes away.

    A caller that takes nothing is for the server to drop, which then counts as having gone.
    """
    frames = answer.frames
    gone = asyncio.create_task(_until_gone(receive))
    gone.add_done_callback(lambda _: frames.close())
    try:
        # A proxy that collects pieces would keep them until there are enough.
        headers = [(b"content-type", answer.content_type), (b"cache-control", b"no-store"), *answer.headers]
        headers.append((b"x-accel-buffering", b"no"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        while (piece := await frames.next()) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        frames.close()
        gone.cancel()
        await asyncio.wait([gone])


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
