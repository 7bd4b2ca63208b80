"""A listener of events over ASGI: reads what is sent piece by piece, stalls and goes away when it is told to."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pdp.server.exchange import AsgiApp, AsgiMessage
from tests.unit.server.hosting import KEY

_LINE_BREAK = re.compile("\r\n|\r|\n")
"""Those that the format has: fewer than Python's."""
PATIENCE = 30.0
"""Seconds for anything that should happen at once."""


@dataclass(frozen=True)
class Event:
    kind: str
    id: str
    data: Any


@dataclass
class Listening:
    """One open stream."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: "asyncio.Queue[bytes | None]" = field(default_factory=asyncio.Queue)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[Event] = field(default_factory=list)

    async def send(self, message: AsgiMessage) -> None:
        await self.takes.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.started.set()
            return
        self.pieces.put_nowait(message["body"])
        if not message.get("more_body", False):
            self.pieces.put_nowait(None)

    async def receive(self) -> AsgiMessage:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def piece(self) -> bytes | None:
        """What was sent at once; None where the answer is over."""
        async with asyncio.timeout(PATIENCE):
            return await self.pieces.get()

    async def event(self, kind: str | None = None) -> Event:
        """The next event, or the next of that kind."""
        while True:
            while not self.waiting:
                piece = await self.piece()
                assert piece is not None, "the stream is over"
                self.waiting = events_in(piece)
            event = self.waiting.pop(0)
            if kind is None or event.kind == kind:
                return event

    async def until_over(self) -> None:
        while await self.piece() is not None:
            pass


def events_in(piece: bytes) -> list[Event]:
    found = []
    for block in piece.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in _LINE_BREAK.split(block) if line)
        if "event" in fields:
            assert list(fields) == ["event", "id", "data"]
            found.append(Event(fields["event"], fields["id"], msgspec.json.decode(fields["data"])))
    return found


@asynccontextmanager
async def listening(app: AsgiApp, *, key: str | None = KEY, **headers: str) -> AsyncIterator[Listening]:
    """A stream of `app`, which goes away with the block; header names have `_` for `-`."""
    listener = Listening()
    listener.takes.set()
    named = {"host": "127.0.0.1:8181", **headers} | ({} if key is None else {"authorization": f"Bearer {key}"})
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/events",
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()],
        "client": ("127.0.0.1", 5000),
    }
    task = asyncio.ensure_future(app(scope, listener.receive, listener.send))
    try:
        async with asyncio.timeout(PATIENCE):
            await listener.started.wait()
        yield listener
    finally:
        listener.gone.set()
        listener.takes.set()
        async with asyncio.timeout(PATIENCE):
            await task
