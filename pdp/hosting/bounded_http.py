"""uvicorn's HTTP protocol with bounds: on what is no body (head, chunk framing, trailers), and on readers that stall.

uvicorn with httptools takes a head of any size at any pace, takes trailers for headers, and waits without end for a
reader that takes nothing, also when it closes the connection.
"""

from asyncio import BaseTransport, TimerHandle
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pdp.hosting.lingering import LingeringTransport

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of one request that are no body, beyond `_PER_BODY_BYTE`: head, chunk framing, trailers."""
HEAD_SECONDS: Final = 10.0
"""From the first byte of a request, or a new connection, to the end of its head."""
STALL_SECONDS: Final = 30.0
"""A reader that takes nothing of what waits for it for so long is dropped."""
LEAVING_SECONDS: Final = 1.0
"""The same, once the server was told to end."""

_PER_BODY_BYTE: Final = 8
"""Chunks of one byte need six bytes of framing each."""
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 25\r\nconnection: close\r\n\r\n"
    b"the headers are too large"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose request has too much framing or a head that takes too long; leaves trailers out.

    Drops a reader that stalls.
    """

    head_seconds: ClassVar[float] = HEAD_SECONDS
    stall_seconds: ClassVar[float] = STALL_SECONDS
    leaving_seconds: ClassVar[float] = LEAVING_SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = False
        self._framing_bytes = 0
        self._body_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._stall_timer: TimerHandle | None = None
        self._is_leaving = False
        self._has_rest = False
        """Whether the client is in the middle of a request."""
        self._lingering: LingeringTransport | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Expect a request soon."""
        self._lingering = LingeringTransport(transport, self.loop, more=self._expects_more)  # type: ignore[arg-type]
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_timer()
        self._stop_watching()
        if self._lingering is not None:
            self._lingering.finish()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the reader, as long as it takes anything."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if not self._is_leaving:
            self._stop_watching()

    def shutdown(self) -> None:
        """Answer what was asked, if the reader takes it, and close the connection."""
        super().shutdown()
        self._is_leaving = True
        self._watch_reader()

    def data_received(self, data: bytes) -> None:
        """Parse `data`, or end the connection when too much of it is no body."""
        if self._lingering is not None and self._lingering.is_lingering:
            self._lingering.drop(data)
            return
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
        self._in_head = self._has_rest = True
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
        self._has_rest = False
        super().on_message_complete()

    def _expects_more(self) -> bool:
        return self._has_rest and not self._in_head

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _watch_reader(self) -> None:
        self._stop_watching()
        seconds = self.leaving_seconds if self._is_leaving else self.stall_seconds
        waiting = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(seconds, self._judge_reader, waiting)

    def _judge_reader(self, before: int) -> None:
        """Closing would wait until the reader has taken everything."""
        if 0 < before <= self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self._watch_reader()

    def _stop_watching(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
