"""Closing a connection on which the client still sends, so that it gets the answer and not a reset.

A connection that is closed while there is something to read is reset, and whoever is told so while sending often
does not look for the answer any more (RFC 9112, section 9.6).
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable
from typing import Any, Final

LINGER_SECONDS: Final = 1.0
LINGER_BYTES: Final = 16 * 1024 * 1024


class LingeringTransport:
    """The transport `real`, whose end takes a while where more is to come: what comes is dropped.

    It lasts up to `LINGER_SECONDS` and `LINGER_BYTES`, and ends when the client does.
    """

    def __init__(self, real: Transport, loop: AbstractEventLoop, *, more: Callable[[], bool]) -> None:
        self._real = real
        self._loop = loop
        self._more = more
        self._timer: TimerHandle | None = None
        self._dropped = 0
        self.is_lingering = False

    def __getattr__(self, name: str) -> Any:
        """All else is as it was."""
        return getattr(self._real, name)

    def is_closing(self) -> bool:
        """Whether it is, to whoever writes."""
        return self.is_lingering or self._real.is_closing()

    def close(self) -> None:
        """End what is written and, where more is to come, read on for a while."""
        if self.is_closing():
            return
        if not (self._more() and self._real.can_write_eof()):
            self._real.close()
            return
        self.is_lingering = True
        self._real.write_eof()
        self._real.resume_reading()
        self._timer = self._loop.call_later(LINGER_SECONDS, self.finish)

    def drop(self, data: bytes) -> None:
        """Take what comes while it lingers."""
        self._dropped += len(data)
        if self._dropped > LINGER_BYTES:
            self.finish()

    def finish(self) -> None:
        """Linger no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._real.close()
