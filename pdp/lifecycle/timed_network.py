"""A deadline for all of an exchange, which the HTTP library does not have: its bounds count for each read anew."""

import ssl
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore

_PIECE_BYTES: Final = 64 * 1024
"""How much is sent before the clock is looked at again."""


class Deadline:
    """When the exchange that is under way must be over: `seconds` after it began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.restart()

    def restart(self) -> None:
        """An exchange begins."""
        self._at = time.monotonic() + self.seconds

    def left(self, otherwise: type[httpcore.TimeoutException]) -> float:
        """The seconds that are left.

        Raises:
            httpcore.TimeoutException: none are; it is of the kind `otherwise`.

        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise otherwise
        return left


class TimedNetwork(httpcore.NetworkBackend):
    """Connections on which everything ends by the deadline; looking up a name is the system's, and is not bounded."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the exchange has one deadline
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection whose reads and writes end by the deadline too."""
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _TimedStream(self._network.connect_tcp(host, port, left, local_address, socket_options), self._deadline)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the exchange has one deadline
        return self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the exchange has one deadline
        for start in range(0, len(buffer), _PIECE_BYTES):
            piece = buffer[start : start + _PIECE_BYTES]
            self._stream.write(piece, self._deadline.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the exchange has one deadline
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
