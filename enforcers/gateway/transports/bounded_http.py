"""uvicorn's HTTP protocol with a bound on what is no body: head, chunk framing and trailers.

uvicorn with httptools keeps a head of any size, and takes trailers for headers.
"""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_FRAMING_BYTES: Final = 64 * 1024
"""How much of one request may arrive that is not body, beyond the first read and `_PER_BODY_BYTE`."""

_PER_BODY_BYTE: Final = 8
"""Chunks of one byte need six bytes of framing each."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers 400 and closes when a request has too much framing; leaves trailers out."""

    _began_in_this_read = False
    _in_head = False
    _read_bytes = 0
    _body_bytes = 0

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
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is none."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that what follows belongs to no request yet."""
        self._read_bytes = self._body_bytes = 0
        super().on_message_complete()
