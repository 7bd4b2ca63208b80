"""The demo's programs: the real commands, each in a process of its own."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx

from pdp.core.contract.errors import UnusableError

_PATIENCE: Final = 60.0
_LAST_LINES: Final = 20


@contextlib.contextmanager
def running(verb: str, *, config: Path, ready: str) -> Iterator[Path]:
    """`toolgate VERB` until the block ends, entered once `ready` answers 200; yields the file of its output.

    Raises:
        UnusableError: it ended or did not become ready; with the end of its output.

    """
    output = config.parent / f"{verb}.log"
    with output.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*toolgate(), verb, "--config", str(config)],
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        _wait(process, ready, verb=verb, output=output)
        yield output
    finally:
        _stop(process)


def ask(*arguments: str) -> str:
    """What `toolgate ARGUMENTS` prints.

    Raises:
        UnusableError: it failed.

    """
    done = subprocess.run([*toolgate(), *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise UnusableError(f"`toolgate {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
    return done.stdout


def toolgate() -> Sequence[str]:
    """The command line of this installation's `toolgate`."""
    return (sys.executable, "-m", "pdp.cli.main")


def console_script() -> str:
    """How this installation's `toolgate` is called from the current folder."""
    script = Path(sys.executable).parent / "toolgate"
    if not script.exists():
        return "toolgate"
    return str(script.relative_to(Path.cwd())) if script.is_relative_to(Path.cwd()) else str(script)


def _wait(process: subprocess.Popen[bytes], ready: str, *, verb: str, output: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(ready, timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    last = "\n".join(output.read_text(errors="replace").splitlines()[-_LAST_LINES:])
    raise UnusableError(f"`toolgate {verb}` did not become ready:\n{last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
