"""A server's process: started with little of our environment, ended with all that it started."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.lines import Lines
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.record_terms import UpstreamFailure

_INHERITED: Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")
_CHUNK: Final = 64 * 1024
_MAX_STDERR_LINES: Final = 1000
_MAX_STDERR_LINE: Final = 500


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: `environment` is the whole environment of the process."""

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What of `environment` a server's process gets without being configured."""
    return {name: environment[name] for name in _INHERITED if name in environment}


class ServerProcess:
    """A running process with its own process group; `stdin` and `stdout` are its streams."""

    def __init__(self, process: asyncio.subprocess.Process, *, stop_timeout: float, log: FilteringBoundLogger) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for by `spawn`
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        self.stdin = process.stdin
        self.stdout = process.stdout
        self._process = process
        self._stop_timeout = stop_timeout
        self._log = log
        self._draining = asyncio.create_task(self._drain(process.stderr))

    async def stop(self) -> None:
        """Close stdin, wait, then SIGTERM, wait, then SIGKILL, to the whole group (MCP, "stdio", Shutdown)."""
        self.stdin.close()
        if not await self._exited():
            self._signal(signal.SIGTERM)
            await self._exited()
        self._signal(signal.SIGKILL)
        await self._process.wait()
        with suppress(OSError):
            await self.stdin.wait_closed()
        await ended(self._draining, within=self._stop_timeout)
        self._log.info("upstream_stopped", status=self._process.returncode)

    async def _exited(self) -> bool:
        try:
            async with asyncio.timeout(self._stop_timeout):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _drain(self, stderr: asyncio.StreamReader) -> None:
        lines, logged = Lines(max_bytes=_CHUNK), 0
        while chunk := await stderr.read(_CHUNK):
            for line in lines.feed(chunk):
                logged += 1
                if logged <= _MAX_STDERR_LINES and line is not None:
                    text = line[:_MAX_STDERR_LINE].decode(errors="replace")
                    self._log.info("upstream_stderr", line=text)
                elif logged == _MAX_STDERR_LINES + 1:
                    self._log.warning("upstream_stderr_suppressed", after=_MAX_STDERR_LINES)


async def ended(task: asyncio.Task[None], *, within: float) -> None:
    """Return once `task` has ended; it is cancelled if it has not by itself `within` that many seconds."""
    await asyncio.wait({task}, timeout=within)
    task.cancel()
    await asyncio.wait({task})


async def spawn(command: Command, *, stop_timeout: float, log: FilteringBoundLogger) -> ServerProcess:
    """Start `command`.

    Raises:
        UpstreamError: it cannot be started.

    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(command.environment),
            cwd=command.cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise UpstreamError(
            f"`{command.argv[0]}` cannot be started: {error}", failure=UpstreamFailure.UNREACHABLE
        ) from error
    return ServerProcess(process, stop_timeout=stop_timeout, log=log)
