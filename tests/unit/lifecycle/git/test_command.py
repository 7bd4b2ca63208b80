import os
import sys
from pathlib import Path

import pytest

from pdp.core.contract.errors import UnusableError
from pdp.lifecycle.git.command import CommandError, Commands, GitLimits, TooLargeError, check_git, check_installed
from tests.git_repository import ENVIRONMENT


def commands(folder: Path, *, memory: int = 1 << 30, secrets: tuple[str, ...] = ()) -> Commands:
    return Commands(ENVIRONMENT, folder=folder, limits=GitLimits(max_memory_bytes=memory), secrets=secrets)


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", text)


def test_a_program_gets_its_input_and_gives_its_output(tmp_path: Path) -> None:
    assert commands(tmp_path).run("cat", stdin=b"a\0b", seconds=10).expected() == b"a\0b"


def test_a_program_gets_no_setting_that_is_not_its(tmp_path: Path) -> None:
    told = commands(tmp_path).run("env", seconds=10).expected().decode()
    assert {line.partition("=")[0] for line in told.splitlines()} <= {"PATH", "LC_CTYPE"}


def test_arguments_are_no_shell_s(tmp_path: Path) -> None:
    assert commands(tmp_path).run("echo", "$(id);x", seconds=10).expected() == b"$(id);x\n"


def test_output_over_its_limit_ends_the_program(tmp_path: Path) -> None:
    done = commands(tmp_path).run("yes", seconds=30, max_bytes=100_000)
    assert done.is_cut
    with pytest.raises(TooLargeError):
        done.expected()


def test_memory_over_its_limit_ends_the_program(tmp_path: Path) -> None:
    done = commands(tmp_path, memory=200_000_000).run(*python("bytearray(400_000_000)"), seconds=30)
    with pytest.raises(CommandError, match="MemoryError"):
        done.expected()


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    started = "import os, subprocess; c = subprocess.Popen(['sleep', '600']); print(c.pid, flush=True); c.wait()"
    fifo = tmp_path / "told"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(CommandError, match="longer than"):
        commands(tmp_path).run(*python(f"import sys; sys.stdout = open({str(fifo)!r}, 'w')\n{started}"), seconds=6)
    child = os.read(held, 100).decode().strip()
    os.close(held)
    while not _has_ended(Path("/proc") / child / "status"):
        os.sched_yield()  # it was killed; the system may take a moment


def test_what_it_says_is_one_line_without_secrets(tmp_path: Path) -> None:
    text = r"import sys; sys.stderr.write('one\n\x1b[2Jtwo hunter2\n' + 'x' * 900); sys.exit(3)"
    done = commands(tmp_path, secrets=("", "hunter2")).run(*python(text), seconds=10)
    assert done.said.startswith("one; [2Jtwo ***; xxx")
    assert len(done.said) < 410
    assert done.code == 3


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        commands(tmp_path).run("no-such-program", seconds=10).expected()


def test_a_program_that_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    check_installed("git", "ssh-keygen", environment=ENVIRONMENT)
    with pytest.raises(UnusableError, match="run `apt-get install git`"):
        check_installed("git", environment={"PATH": str(tmp_path)})
    with pytest.raises(UnusableError, match="run `apt-get install openssh-client`"):
        check_installed("ssh-keygen", environment={"PATH": str(tmp_path)})


def git_that_says(text: str, folder: Path) -> dict[str, str]:
    program = folder / "git"
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o700)
    return {"PATH": f"{folder}:{ENVIRONMENT['PATH']}"}


@pytest.mark.parametrize("says", ["git version 2.30.9", "git version 1.99", "hello"])
def test_a_git_that_would_not_heed_its_settings_is_refused(tmp_path: Path, says: str) -> None:
    with pytest.raises(UnusableError, match=r"must be version 2\.31 or newer"):
        check_git(git_that_says(says, tmp_path))


@pytest.mark.parametrize("says", ["git version 2.31.0", "git version 2.50.1 (Apple Git-155)", "git version 3.0.rc1"])
def test_a_git_that_is_new_enough_is_taken(tmp_path: Path, says: str) -> None:
    check_git(git_that_says(says, tmp_path))


def _has_ended(status: Path) -> bool:
    try:
        return "zombie" in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
