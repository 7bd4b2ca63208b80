"""Processes for a measurement: started, waited for, stopped."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tests.bench.load import Job, Tally
from tests.conftest import ROOT

TOOLGATE: Final = "pdp.cli.main"

_STARTING: Final = 40.0
_STOPPING: Final = 10.0


class LoadGenerator:
    """The load generator's process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def perform(self, job: Job) -> Tally:
        """The tally of `job`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Tally)


@contextlib.contextmanager
def load_generator() -> Iterator[LoadGenerator]:
    """A load generator until the block ends."""
    command = [sys.executable, "-m", "tests.bench.load"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield LoadGenerator(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=_STOPPING)


@contextlib.contextmanager
def running(module: str, *arguments: str, port: int, output: Path) -> Iterator[None]:
    """`python -m MODULE ARGUMENTS` until the block ends, entered once it accepts connections on `port`."""
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, port, output)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=_STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _STARTING
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"`{output.stem}` does not listen:\n{output.read_text(errors='replace')[-2000:]}")
