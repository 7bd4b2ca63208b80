"""Running `git` and `ssh-keygen` within bounds: no shell, a known environment, a time, sizes of files and memory."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError
from pdp.lifecycle.source import SourceError

_INSTALL: Final = {"git": "git", "ssh-keygen": "openssh-client", "ssh": "openssh-client"}
_OLDEST: Final = (2, 31)
"""The first that takes `GIT_CONFIG_COUNT`."""
_VERSION_SECONDS: Final = 10.0
_MAX_TOLD: Final = 400
"""Characters of what a program says about its failure."""
_MAX_ERRORS: Final = 64 * 1024
_LIMITED: Final = (
    "import os, resource, signal, sys\n"
    "size, memory = int(sys.argv[1]), int(sys.argv[2])\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
    "resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))\n"
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
    "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
    "os.execvp(sys.argv[3], sys.argv[3:])\n"
)
"""Sets the limits on itself and becomes the program: a fork with a function of ours could deadlock among threads.

Python ignores the two signals, and a program that inherits that goes on when its output is full.
"""


class CommandError(SourceError):
    """A program failed or took too long; the message has what it said, without secrets."""


class TooLargeError(CommandError):
    """A program would have written more than it may."""


@dataclass(frozen=True, slots=True)
class GitLimits:
    """Bounds in bytes: what one fetch may bring, the list of a commit's files, the memory of one process.

    When a copy has come to `max_packs` fetches, they are made one, and what nothing leads to any more is left out.
    """

    max_pack_bytes: int = 1024 * 1024 * 1024
    max_listing_bytes: int = 64 * 1024 * 1024
    max_memory_bytes: int = 2 * 1024 * 1024 * 1024
    max_packs: int = 50


GIT_LIMITS: Final = GitLimits()


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended, what it printed, and what it said of itself on one line."""

    code: int
    output: bytes
    said: str
    is_cut: bool

    def expected(self) -> bytes:
        """What it printed, where it succeeded.

        Raises:
            TooLargeError: it printed more than it may.
            CommandError: it failed.

        """
        if self.is_cut:
            raise TooLargeError("it would print more than it may")
        if self.code != 0:
            raise CommandError(self.said or f"it ended with {self.code}")
        return self.output


class Commands:
    """Runs programs in `folder`, which has to be ours; `secrets` are never repeated."""

    def __init__(
        self, environment: Mapping[str, str], *, folder: Path, limits: GitLimits, secrets: Sequence[str] = ()
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._limits = limits
        self._secrets = tuple(filter(None, secrets))

    def run(self, *command: str, seconds: float, stdin: bytes = b"", max_bytes: int = 1024 * 1024) -> Done:
        """Run `command` for at most `seconds`; no file that it writes, its output too, gets over `max_bytes`.

        Raises:
            CommandError: it took too long.
            OSError: this machine lets it not be run.

        """
        bounds = [str(max_bytes), str(self._limits.max_memory_bytes)]
        with self._file(stdin) as given, self._file() as output, self._file() as errors:
            launcher = (sys.executable, "-I", "-S", "-c", _LIMITED, *bounds)
            code = self._wait([*launcher, *command], (given, output, errors), seconds)
            size = os.fstat(output).st_size
            is_cut = code != 0 and size >= max_bytes
            said = self._said(os.pread(errors, _MAX_ERRORS, max(0, os.fstat(errors).st_size - _MAX_ERRORS)))
            return Done(code, _content(output, size), said, is_cut)

    def _wait(self, command: Sequence[str], files: tuple[int, int, int], seconds: float) -> int:
        given, output, errors = files
        process = subprocess.Popen(  # noqa: S603 - no shell, and the arguments were checked
            command,
            stdin=given,
            stdout=output,
            stderr=errors,
            env=dict(self._environment),
            cwd=self._folder,
            # No terminal to ask on, and one group to end: `git` starts others.
            start_new_session=True,
        )
        try:
            return process.wait(timeout=max(0.001, seconds))
        except subprocess.TimeoutExpired as error:
            raise CommandError("it took longer than `timeout` allows") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    @contextmanager
    def _file(self, content: bytes = b"") -> Iterator[int]:
        with tempfile.TemporaryFile(dir=self._folder) as file:
            file.write(content)
            file.flush()
            file.seek(0)
            yield file.fileno()

    def _said(self, errors: bytes) -> str:
        text = errors.decode("utf-8", "replace")
        for secret in self._secrets:
            text = text.replace(secret, "***")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        told = "; ".join("".join(one for one in line if one.isprintable()) for line in lines[-4:])
        return told if len(told) <= _MAX_TOLD else told[:_MAX_TOLD] + "..."


def check_installed(*programs: str, environment: Mapping[str, str]) -> None:
    """Pass where `programs` are there.

    Raises:
        UnusableError: naming the package of the first that is not.

    """
    for program in programs:
        if shutil.which(program, path=environment.get("PATH")) is None:
            raise UnusableError(f"there is no `{program}` here: run `apt-get install {_INSTALL[program]}`")


def check_git(environment: Mapping[str, str]) -> None:
    """Pass a `git` that takes settings as `environment` has them; an older one would do without them and say nothing.

    Raises:
        UnusableError: it is older, or does not say.

    """
    command = ["git", "version"]
    done = subprocess.run(  # noqa: S603 - no shell, and nothing of anybody
        command, env=dict(environment), capture_output=True, check=False, timeout=_VERSION_SECONDS
    )
    found = re.match(rb"git version (\d+)\.(\d+)", done.stdout)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise UnusableError(f"`git` must be version {_OLDEST[0]}.{_OLDEST[1]} or newer: run `apt-get install git`")


def _content(descriptor: int, size: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read(size)
