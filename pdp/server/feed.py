"""The feed of events: who listens, and the newest state that each of them has yet to be told.

There are no queues: a listener takes what is newest when it can, so a slow one misses nothing and keeps nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.event import Heartbeat
from pdp.hosting.event_log import frames
from pdp.server.event_stream import OPENING, RETRY_MS, Known, Snapshot
from pdp.server.exchange import RefusedExchange


@dataclass(frozen=True, slots=True)
class FeedRules:
    """How often listeners hear that nothing changed, in seconds, and how many there may be."""

    heartbeat: float = 2.0
    max_listeners: int = 2000


class Feed:
    """Tells listeners what `look` finds: at once where `news` said that it may be another, else with each heartbeat.

    All but `news` belongs to one event loop. While nobody listens, nothing goes on.
    """

    def __init__(
        self,
        look: Callable[[], tuple[Snapshot, Heartbeat]],
        *,
        rules: FeedRules,
        log: FilteringBoundLogger,
    ) -> None:
        self._look = look
        self._rules = rules
        self._log = log
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.newest = Snapshot(None, 0)
        self.beat = b""
        self.beats = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def open(self, known: Known) -> "Listener":
        """A listener that knows this already; it is told the rest, and the next heartbeat is for it at once.

        Raises:
            RefusedExchange: 503, there are too many, or the feed is closed.

        """
        if self._is_closed or len(self._listeners) >= self._rules.max_listeners:
            retry = ((b"retry-after", b"%d" % max(1, RETRY_MS // 1000)),)
            raise RefusedExchange(503, "no more listeners are taken now", headers=retry)
        self._hear()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self._rules.heartbeat, self._tick)
        listener = Listener(self, known)
        self._listeners.add(listener)
        return listener

    def news(self) -> None:
        """Something may be another now; from any thread."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._guarded, self._hear)

    def leave(self, listener: "Listener") -> None:
        """That one listens no more; it may have left already."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._rest()

    def close(self) -> None:
        """End all streams, and take no more listeners."""
        self._is_closed = True
        self._end_all()

    def _tick(self) -> None:
        if self._loop is not None:
            self._timer = self._loop.call_later(self._rules.heartbeat, self._tick)
            self._guarded(self._beat)

    def _beat(self) -> None:
        self._take()
        self.beats += 1
        self._wake_all()

    def _hear(self) -> None:
        before = self.newest
        self._take()
        if self.newest is not before:
            self._wake_all()

    def _take(self) -> None:
        """INVARIANT: a heartbeat is of the newest state, so its id never goes back."""
        found, beat = self._look()
        if found != self.newest:
            self.newest = found
        self.beat = self.newest.heartbeat(beat)

    def _wake_all(self) -> None:
        for listener in self._listeners:
            listener.wake()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the outermost edge: a stream that cannot go on is no stream
            self._log.error("events_failed", error=type(error).__name__, at=frames(error))
            self._end_all()

    def _end_all(self) -> None:
        for listener in list(self._listeners):
            listener.close()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._timer = None


class Listener:
    """One stream of the feed: fills the port `Frames`."""

    __slots__ = ("_beats", "_feed", "_is_closed", "_known", "_opening", "_wake")

    def __init__(self, feed: Feed, known: Known) -> None:
        self._feed = feed
        self._known = known
        self._beats: int | None = None
        self._opening = OPENING
        self._is_closed = False
        self._wake = asyncio.Event()

    async def next(self) -> bytes | None:
        """All that it has yet to be told, once there is anything; None where the stream is over."""
        while not self._is_closed:
            piece = self._untold()
            if piece:
                return piece
            self._wake.clear()
            await self._wake.wait()
        return None

    def wake(self) -> None:
        """Have it look whether there is anything."""
        self._wake.set()

    def close(self) -> None:
        """End the stream."""
        self._is_closed = True
        self._wake.set()
        self._feed.leave(self)

    def _untold(self) -> bytes:
        feed = self._feed
        piece = self._opening + feed.newest.since(self._known)
        if self._beats != feed.beats:
            piece += feed.beat
        self._opening, self._known, self._beats = b"", feed.newest.known, feed.beats
        return piece
