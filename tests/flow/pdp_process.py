"""A decision point as its users start it: `toolgate serve` in a directory of its own."""

import contextlib
import io
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pdp.cli.main import run
from pdp.cli.verbs import GROUP

TOOLGATE: Sequence[str] = (sys.executable, "-c", "from pdp.cli.main import main; main()")
DEADLINE = 30.0
"""Seconds for anything that should happen at once."""

CONFIG = """\
version: 1
pdp:
  listen: {listen}
  reload_interval: 1h
  log: {{url: "sqlite:///log.db", mode: {mode}}}
  enforcers: {{other: {{key: keys/other.key, servers: [git]}}}}
identity: {{unsafe_dev_issuer: {{}}}}
"""
POLICY = """\
@id("alice-reads")
permit (principal == Mcp::User::"dev|alice", action == Mcp::Action::"git/git_log", resource);
"""
QUESTION: dict[str, Any] = {
    "subject": {"type": "user", "id": "dev|alice"},
    "action": {"name": "tools/call"},
    "resource": {"type": "tool", "id": "git/git_log"},
    "context": {"arguments": {"repo_path": "/srv"}},
}


def set_up(base: Path, *, root: Path, listen: str = "127.0.0.1:0", mode: str = "spooled") -> None:
    """A configuration, one policy and one tool in `base`."""
    (base / "policies").mkdir()
    (base / "schemas" / "git").mkdir(parents=True)
    (base / "toolgate.yaml").write_text(CONFIG.format(listen=json.dumps(listen), mode=mode))
    (base / "policies" / "alice.cedar").write_text(POLICY)
    shutil.copy(root / "schemas" / "git" / "git_log.json", base / "schemas" / "git")


@dataclass
class Pdp:
    """A running decision point; its events are read as they come."""

    process: subprocess.Popen[str]
    base: Path
    seen: list[Mapping[str, Any]] = field(default_factory=list)
    lines: "queue.SimpleQueue[str | None]" = field(default_factory=queue.SimpleQueue)

    @property
    def address(self) -> str:
        return str(self.until("pdp_ready")["address"])

    def key(self, name: str = "gateway") -> dict[str, str]:
        file = {"gateway": ".toolgate/gateway.key", "other": "keys/other.key"}[name]
        return {"authorization": f"Bearer {(self.base / file).read_text().strip()}"}

    def until(self, event: str) -> Mapping[str, Any]:
        """The first event of that name, waiting for it if need be."""
        for known in self.seen:
            if known["event"] == event:
                return known
        deadline = time.monotonic() + DEADLINE
        while True:
            line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, f"the process ended with {self.process.wait()} before `{event}`: {self.seen}"
            if line.startswith("{"):
                self.seen.append(json.loads(line))
                if self.seen[-1]["event"] == event:
                    return self.seen[-1]

    def stop(self) -> int:
        """Ask it to end, and wait until it has."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)


@contextmanager
def running(base: Path, *arguments: str) -> Iterator[Pdp]:
    """`toolgate serve` in `base`, ready to answer, stopped in the end."""
    process = subprocess.Popen(
        [*TOOLGATE, "serve", *arguments], cwd=base, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    pdp = Pdp(process, base)
    reader = threading.Thread(target=pdp.read)
    reader.start()
    try:
        pdp.until("pdp_ready")
        yield pdp
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join(DEADLINE)
        assert process.stdout is not None
        process.stdout.close()


def toolgate(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, to its end."""
    return subprocess.run([*TOOLGATE, *arguments], cwd=base, capture_output=True, text=True, timeout=60, check=False)


def toolgate_here(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in this process: the same, without the second that a start takes."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(base), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(arguments), found=entry_points(group=GROUP))
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
