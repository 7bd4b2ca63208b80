"""A branch of a Git repository with a commit for each checkpoint; what is there already is never changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pdp.audit.evidence.export import ExportError
from pdp.audit.evidence.held import MAX_HELD_BYTES, Held
from pdp.core.contract.identifier import unix_seconds
from pdp.exports.folder import check_same
from pdp.exports.naming import path_of
from pdp.lifecycle.git.command import CommandError, Commands, Done

_MAX_FILE: Final = 1024 * 1024 * 1024
"""Bytes of one file that `git` writes: a pack with the whole branch."""
_NEW: Final = "refs/toolgate/new"
_REPACK_EVERY: Final = 500


class GitExport:
    """Pushes to the branch `branch` at `url`, from a copy in `folder` that is ours; `timeout` is seconds for each step.

    Others may push to that branch too: a commit goes on from what is there, and is made again when that moved.
    """

    def __init__(self, url: str, *, branch: str, folder: Path, commands: Commands, timeout: float, target: str) -> None:
        self.target = target
        self._url = url
        self._branch = f"refs/heads/{branch}"
        self._folder = folder
        self._commands = commands
        self._timeout = timeout

    def publish(self, held: Held) -> None:
        """Return once the branch at the URL has it."""
        try:
            self._publish(held)
        except CommandError as error:
            raise ExportError(f"`git`: {error}") from error
        except OSError as error:
            raise ExportError(f"`git` cannot be run: {error.strerror}") from error

    def _publish(self, held: Held) -> None:
        """(1) See what is there; (2) commit after it; (3) push."""
        if not (self._folder / "HEAD").exists():
            self._git("init", "--bare", "--quiet", ".").expected()
        tip = self._tip()
        path = path_of(held.number)
        if tip is not None:
            known = self._git("cat-file", "blob", f"{tip}:{path}", max_bytes=2 * MAX_HELD_BYTES)
            if known.code == 0:
                check_same(known.output, held, where=f"`{path}` in the repository")
                return
        self._git("fast-import", "--quiet", "--force", stdin=_commit(held, path, tip), max_bytes=_MAX_FILE).expected()
        self._git("push", "--quiet", self._url, f"{_NEW}:{self._branch}", max_bytes=_MAX_FILE).expected()
        self._git("update-ref", self._branch, _NEW).expected()
        if held.number % _REPACK_EVERY == 0:
            self._git("repack", "-a", "-d", "-q", max_bytes=_MAX_FILE).expected()

    def _tip(self) -> str | None:
        """The newest commit of the branch at the URL, fetched; None while there is none."""
        listed = self._git("ls-remote", "--quiet", self._url, self._branch).expected().split()
        if not listed:
            return None
        tip = listed[0].decode("ascii", "replace")
        if self._git("cat-file", "-e", f"{tip}^{{commit}}").code != 0:
            spec = f"+{self._branch}:{self._branch}"
            self._git("fetch", "--quiet", "--no-tags", self._url, spec, max_bytes=_MAX_FILE).expected()
        return tip

    def _git(self, *arguments: str, stdin: bytes = b"", max_bytes: int = 1024 * 1024) -> Done:
        return self._commands.run("git", *arguments, seconds=self._timeout, stdin=stdin, max_bytes=max_bytes)


class HeldRepository:
    """A bare repository of this machine that holds checkpoints, at the commit that `reference` names."""

    def __init__(self, commands: Commands, *, reference: str, timeout: float) -> None:
        self._commands = commands
        self._reference = reference
        self._timeout = timeout

    def paths(self) -> Sequence[str]:
        """The paths of all files.

        Raises:
            CommandError: there is no such commit, or `git` fails.

        """
        command = ("git", "ls-tree", "-r", "-z", "--name-only", "--end-of-options", self._reference)
        done = self._commands.run(*command, seconds=self._timeout, max_bytes=_MAX_FILE)
        return [name.decode("utf-8", "replace") for name in done.expected().split(b"\0") if name]

    def read(self, path: str) -> bytes:
        """The content of one of them.

        Raises:
            CommandError: `git` fails.

        """
        command = ("git", "cat-file", "blob", f"{self._reference}:{path}")
        return self._commands.run(*command, seconds=self._timeout, max_bytes=2 * MAX_HELD_BYTES).expected()


def _commit(held: Held, path: str, tip: str | None) -> bytes:
    """The commit with one more file, as `git fast-import` reads it."""
    content, statement = held.to_json(), held.checkpoint.statement
    message = f"checkpoint {statement.number} of log {statement.log}: {statement.records} records\n".encode()
    made = f"toolgate <toolgate@localhost> {int(unix_seconds(statement.time))} +0000"
    lines = [
        f"commit {_NEW}".encode(),
        f"committer {made}".encode(),
        b"data %d" % len(message),
        message + (b"" if tip is None else b"from " + tip.encode("ascii")),
        f"M 100644 inline {path}".encode(),
        b"data %d" % len(content),
        content,
    ]
    return b"\n".join(lines) + b"\n"
