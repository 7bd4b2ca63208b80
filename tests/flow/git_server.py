"""Git over HTTP on this machine: Git's own `http-backend` behind a small server that can also misbehave."""

import base64
import contextlib
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from tests.git_repository import ENVIRONMENT


class Mood(StrEnum):
    """How the server behaves."""

    FINE = "fine"
    HANGS = "hangs"
    """Takes requests and never answers, until it is stopped."""
    TRUNCATES = "truncates"
    """Ends the connection in the middle of what was asked for."""
    REDIRECTS = "redirects"
    """Sends everybody to `target`."""
    REPEATS = "repeats"
    """Refuses, and shows the caller's credentials in its reason."""
    GARBLES = "garbles"
    """Answers with something that is no Git."""


@dataclass
class GitServer:
    """Serves the repositories below `root`, to whoever has `credentials` where there are some."""

    root: Path
    credentials: str | None = None
    mood: Mood = Mood.FINE
    target: str = ""
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, name: str = "policies.git") -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def may_enter(self, shown: str | None) -> bool:
        if self.credentials is None:
            return True
        return shown == "Basic " + base64.b64encode(self.credentials.encode()).decode()


class _Handler(http.server.BaseHTTPRequestHandler):
    git: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.git.asked.append(f"{self.command} {self.path}")
        shown = self.headers.get("authorization")
        match self.git.mood:
            case Mood.HANGS:
                self.git.released.wait(60)
                self.close_connection = True
            case Mood.REDIRECTS:
                self._send(302, {"location": self.git.target + self.path}, b"")
            case Mood.REPEATS:
                self._send(403, {"content-type": "text/plain"}, f"not with {shown}\n".encode())
            case Mood.GARBLES:
                self._send(200, {"content-type": "text/html"}, b"<html>welcome</html>")
            case Mood.FINE | Mood.TRUNCATES if not self.git.may_enter(shown):
                self._send(401, {"www-authenticate": "Basic realm=git"}, b"")
            case Mood.FINE | Mood.TRUNCATES:
                self._backend(body)

    def _backend(self, body: bytes) -> None:
        url = urlsplit(self.path)
        variables = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "REMOTE_USER": "somebody",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=variables, capture_output=True, check=False, timeout=60
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        cut = len(content) - 100 if self.git.mood is Mood.TRUNCATES and b"PACK" in content else len(content)
        self._send(status, headers, content, sent=cut)

    def _send(self, status: int, headers: dict[str, str], content: bytes, *, sent: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:sent])
        self.close_connection = sent is not None and sent < len(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextlib.contextmanager
def serving(git: GitServer) -> Iterator[GitServer]:
    """Serve until it is left, on the port of before where there was one."""
    git.released.clear()
    handler = type("Handler", (_Handler,), {"git": git})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", git.port), handler)
    git.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield git
    finally:
        git.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
