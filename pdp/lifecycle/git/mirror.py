"""The copy of a repository's one reference: bare, so nothing in it is ever a file or a link of this machine."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.lifecycle.git.command import Commands, Done, GitLimits, TooLargeError
from pdp.lifecycle.git.deadline import Deadline
from pdp.lifecycle.git.location import Wanted
from pdp.lifecycle.source import SourceError

_REFERENCE: Final = "refs/toolgate/seen"
_FORMATS: Final = {40: "sha1", 64: "sha256"}
_OBJECT: Final = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64}) (\w+) [0-9]+")


class MirrorError(SourceError):
    """The copy cannot be read: it is damaged, or what was fetched is."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object's id and kind."""

    object_id: str
    kind: str


class Mirror:
    """The copy in `directory`; who uses it has it for itself meanwhile."""

    def __init__(self, directory: Path, commands: Commands, limits: GitLimits) -> None:
        self._directory = directory
        self._commands = commands
        self._limits = limits

    @classmethod
    def for_id(cls, object_id: str, *, folder: Path, commands: Commands, limits: GitLimits) -> "Mirror":
        """The copy below `folder` for objects with such ids: a repository has one kind."""
        return cls(folder / f"{_FORMATS[len(object_id)]}.git", commands, limits)

    def held(self, deadline: Deadline) -> str | None:
        """The id that the reference has here, None before the first fetch."""
        if not self._directory.is_dir():
            return None
        done = self._git("rev-parse", "--verify", "--quiet", _REFERENCE, deadline=deadline)
        return done.output.decode("ascii").strip() if done.code == 0 else None

    def bring(self, wanted: Wanted, deadline: Deadline) -> str:
        """Fetch the reference with its whole history; the id that it has now.

        Raises:
            SourceError: it cannot be had now, not whole, or is too large.

        """
        before = self._prepare(deadline)
        refspec = f"+{wanted.reference}:{_REFERENCE}\n".encode()
        options = ("--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--stdin", "--end-of-options")
        done = self._git(
            *("fetch", *options, wanted.location.url),
            stdin=refspec,
            max_bytes=self._limits.max_pack_bytes,
            deadline=deadline,
        )
        if done.code != 0:
            is_full = any(path.stat().st_size >= self._limits.max_pack_bytes for path in self._leftovers())
            self._sweep()
            if is_full:
                raise TooLargeError(f"one fetch may bring at most {self._limits.max_pack_bytes} bytes")
            done.expected()
        now = self.held(deadline)
        if now is None or now == before:
            # As `git` does with the history of a shallow repository: it says so, and ends well.
            raise SourceError(done.said or "the history was not given whole")
        return now

    def objects(self, names: Sequence[str], deadline: Deadline) -> list[Object | None]:
        """What is called `names`, such as `COMMIT:FOLDER`; None for what is not there."""
        lines = self._read("cat-file", "--batch-check", stdin="".join(f"{name}\n" for name in names), deadline=deadline)
        found = [_OBJECT.fullmatch(line) for line in lines.decode("utf-8", "replace").splitlines()]
        return [None if match is None else Object(match[1], match[2]) for match in found]

    def tip(self, deadline: Deadline) -> Object | None:
        """The commit that the reference leads to, None where it leads to something else.

        Raises:
            MirrorError: it cannot be read.

        """
        found = self.objects([f"{_REFERENCE}^{{}}"], deadline)[0]
        if found is None:
            raise MirrorError("what was fetched is not in it")
        return found if found.kind == "commit" else None

    def commit(self, object_id: str, deadline: Deadline) -> bytes:
        """The commit object, as it is hashed and signed."""
        return self._read("cat-file", "commit", object_id, deadline=deadline)

    def changes(self, commit: str, folders: Sequence[str], deadline: Deadline) -> int:
        """How many commits in the history of `commit` change one of `folders`, or are merges."""
        options = ("--count", "--full-history", "--parents", "--end-of-options")
        return int(self._read("rev-list", *options, commit, "--", *folders, deadline=deadline))

    def listing(self, tree: str, deadline: Deadline) -> bytes:
        """Every entry below `tree`.

        Raises:
            TooLargeError: there are too many.
            MirrorError: the copy cannot be read.

        """
        limit = self._limits.max_listing_bytes
        return self._read("ls-tree", "-r", "-z", "-l", "--full-tree", tree, max_bytes=limit, deadline=deadline)

    def blobs(self, object_ids: Sequence[str], *, max_bytes: int, deadline: Deadline) -> bytes:
        """The objects, each after a line about it; `max_bytes` is more than all of that has."""
        asked = "".join(f"{one}\n" for one in object_ids)
        return self._read("cat-file", "--batch", stdin=asked, max_bytes=max_bytes, deadline=deadline)

    def drop(self) -> None:
        """Throw the copy away."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _prepare(self, deadline: Deadline) -> str | None:
        if not (self._directory / "HEAD").is_file():
            self.drop()
            kind = f"--object-format={self._directory.stem}"
            command = ("git", "init", "--quiet", "--bare", "--template=", kind, str(self._directory))
            self._commands.run(*command, seconds=deadline.left()).expected()
        self._sweep()
        if len(list((self._directory / "objects" / "pack").glob("*.pack"))) > self._limits.max_packs:
            limit = self._limits.max_pack_bytes
            self._git("repack", "-a", "-d", "--quiet", max_bytes=limit, deadline=deadline).expected()
        return self.held(deadline)

    def _sweep(self) -> None:
        """Remove what a fetch left behind that was ended: nobody else is at it."""
        for path in [*self._leftovers(), *self._directory.rglob("*.lock")]:
            path.unlink(missing_ok=True)

    def _leftovers(self) -> list[Path]:
        return list((self._directory / "objects").glob("*/tmp_*"))

    def _read(self, *command: str, deadline: Deadline, stdin: str = "", max_bytes: int = 16 * 1024 * 1024) -> bytes:
        done = self._git(*command, stdin=stdin.encode("utf-8"), max_bytes=max_bytes, deadline=deadline)
        if done.code != 0 and not done.is_cut:
            raise MirrorError(done.said or f"`git {command[0]}` ended with {done.code}")
        return done.expected()

    def _git(self, *command: str, deadline: Deadline, stdin: bytes = b"", max_bytes: int = 1024 * 1024) -> Done:
        arguments = ("git", f"--git-dir={self._directory}", *command)
        return self._commands.run(*arguments, stdin=stdin, max_bytes=max_bytes, seconds=deadline.left())
