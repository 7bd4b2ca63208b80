import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


class _Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def check(root: Path, url: str) -> int:
    script = root / "deploy" / "image" / "healthcheck.py"
    done = subprocess.run(
        [sys.executable, script],
        env={"TOOLGATE_HEALTH_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode


def test_a_process_that_answers_is_healthy_and_any_other_is_not(root: Path, address: str) -> None:
    assert check(root, f"{address}/healthz") == 0
    assert check(root, f"{address}/readyz") == 1
    assert check(root, "http://127.0.0.1:9/healthz") == 1
    assert check(root, "no url") == 1
