"""A server of a test's own that answers with any bytes, on a free port of this machine."""

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PACE = 0.05
"""Seconds between the pieces of a server that dawdles."""


@dataclass(frozen=True)
class Asked:
    """A request; its headers' names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


Answering = Callable[[Asked], bytes | Iterable[bytes]]


@dataclass
class RawServer:
    """What it was asked, in order; `answering` says what it answers and may be another at any time."""

    answering: Answering
    scheme: str = "http"
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [f"{one.method} {one.target}" for one in self.asked]

    def slowly(self, content: bytes) -> Iterator[bytes]:
        """One byte after the other."""
        for position in range(len(content)):
            if self.ending.wait(PACE):
                return
            yield content[position : position + 1]


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """An answer that is as it should be; `_` in a header's name is a dash."""
    lines = {"content-length": str(len(body)), **{name.replace("_", "-"): text for name, text in headers.items()}}
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return f"HTTP/1.1 {status} Told\r\n{head}\r\n".encode() + body


def chunked(*chunks: bytes) -> Iterator[bytes]:
    """An answer in chunks, without its end."""
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    for chunk in chunks:
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False
    allow_reuse_address = True
    request_queue_size = 64


@contextmanager
def raw_server(answering: Answering, *, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """A server that answers each request by `answering`, ended with the block."""
    made = RawServer(answering, "http" if tls is None else "https")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while (asked := _read(self.rfile)) is not None:
                    made.asked.append(asked)
                    answer = made.answering(asked)
                    if isinstance(answer, bytes):
                        self.wfile.write(answer)
                        continue
                    for piece in answer:
                        self.wfile.write(piece)
                        if made.ending.is_set():
                            return
                    return

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            made.ending.set()
            server.shutdown()
            thread.join()


def _read(file: Any) -> Asked | None:
    first = file.readline(65536).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while (line := file.readline(65536).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(first[0], first[1], headers, file.read(int(headers.get("content-length", "0"))))
