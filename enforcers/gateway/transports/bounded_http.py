"""uvicorn's HTTP protocol with bounds on what is no body: head, chunk framing and trailers.

uvicorn with httptools takes a head of any size at any pace, and takes trailers for headers.
"""

from asyncio import TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_FRAMING_BYTES: Final = 64 * 1024
"""How much of one request may arrive that is not body, beyond the first read and `_PER_BODY_BYTE`."""
HEAD_SECONDS: Final = 10.0
"""From the first byte of a head, or a new connection, to the end of the head."""

_PER_BODY_BYTE: Final = 8
"""Chunks of one byte need six bytes of framing each."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request has too much framing or a head that takes too long; leaves trailers out."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._began_in_this_read = False
        self._in_head = False
        self._read_bytes = 0
        self._body_bytes = 0
        self._head_timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect a head soon."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._began_in_this_read = False
        super().data_received(data)
        if self.transport.is_closing() or self._began_in_this_read:
            return
        self._read_bytes += len(data)
        if self._read_bytes - (1 + _PER_BODY_BYTE) * self._body_bytes > MAX_FRAMING_BYTES:
            self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._began_in_this_read, self._in_head = True, True
        self._read_bytes = self._body_bytes = 0
        self._expect_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is none."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that what follows belongs to no request yet."""
        self._read_bytes = self._body_bytes = 0
        super().on_message_complete()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
