"""uvicorn's HTTP protocol with bounds on what is no body: head, chunk framing and trailers.

uvicorn with httptools takes a head of any size at any pace, and takes trailers for headers.
"""

from asyncio import BaseTransport, TimerHandle
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of one request that are no body, beyond `_PER_BODY_BYTE`: head, chunk framing, trailers."""
HEAD_SECONDS: Final = 10.0
"""From the first byte of a request, or a new connection, to the end of its head."""

_PER_BODY_BYTE: Final = 8
"""Chunks of one byte need six bytes of framing each."""
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 25\r\nconnection: close\r\n\r\n"
    b"the headers are too large"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request has too much framing or a head that takes too long; leaves trailers out."""

    head_seconds: ClassVar[float] = HEAD_SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = False
        self._framing_bytes = 0
        self._body_bytes = 0
        self._head_timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Expect a request soon."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse `data`, or end the connection when too much of it is no body."""
        self._framing_bytes += len(data)
        super().data_received(data)
        excess = self._framing_bytes - _PER_BODY_BYTE * self._body_bytes
        if excess > MAX_HEAD_BYTES and not self.transport.is_closing():
            cycle: RequestResponseCycle | None = self.cycle
            if cycle is None or cycle.response_complete:
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Expect the rest of the head soon."""
        self._in_head = True
        self._expect_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is none."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Take the request, now that its head is here, when it is of a version that has one."""
        if self.parser.get_http_version() not in _VERSIONS:
            raise ValueError("no HTTP/1")  # which the parser passes on as an error of the request
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._framing_bytes -= len(body)
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Start counting anew."""
        self._framing_bytes = self._body_bytes = 0
        super().on_message_complete()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
