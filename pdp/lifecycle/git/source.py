"""Bundles from a branch or tag of a Git repository, numbered by its own history.

The serial is how many commits of the history change the two folders, merges counted whatever they change: whoever
sees a commit counts the same, and a commit that comes after another has its number or a higher one, a higher one
wherever the folders differ. So a revert gets a new number, a commit that touches other files keeps number and
content, and a branch that is forced back counts lower, which activation refuses as a step back. `docs/adr/0023` has
the reasons.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.bundle.content import LIMITS, ContentLimits, problems_in_files
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.lifecycle.git.command import GIT_LIMITS, Commands, GitLimits, TooLargeError
from pdp.lifecycle.git.deadline import Deadline
from pdp.lifecycle.git.location import Wanted
from pdp.lifecycle.git.mirror import Mirror, MirrorError, Object
from pdp.lifecycle.git.signature import Signers
from pdp.lifecycle.git.tree import Listed, contents
from pdp.lifecycle.source import Sighting, SourceError

_ID_BYTES: Final = {40, 64}
_PER_BLOB: Final = 128
"""Bytes that `git cat-file --batch` says about an object, at most."""


@dataclass(frozen=True, slots=True)
class GitBounds:
    """What one look may take, in seconds, and what it may bring."""

    timeout: float = 60.0
    git: GitLimits = GIT_LIMITS
    content: ContentLimits = LIMITS


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the reference named in the repository, what that came to, and the trees of the folders in it."""

    announced: str
    sighting: Sighting
    trees: Mapping[str, Object | None]


class GitSource:
    """Reads what `wanted` names, over a copy in `folder`; with `signers`, only a commit that one of them signed."""

    def __init__(
        self,
        wanted: Wanted,
        *,
        folder: Path,
        commands: Commands,
        clock: Clock,
        signers: Signers | None = None,
        bounds: GitBounds | None = None,
    ) -> None:
        self._wanted = wanted
        self._folder = folder
        self._commands = commands
        self._clock = clock
        self._signers = signers
        self._bounds = bounds or GitBounds()
        self._seen: _Seen | None = None
        self._given_up: str | None = None

    @property
    def name(self) -> str:
        """The repository and the reference."""
        return f"{self._wanted.location.url} ({self._wanted.short})"

    def look(self) -> Sighting:
        """What the reference names now; a repository in which it names the same as before is asked only that.

        Raises:
            SourceError: the repository cannot be read now, or has no such reference.
            BundleError: no signer signed the commit.

        """
        with self._turn() as deadline:
            # (1) what the reference names
            announced = self._announced(deadline)
            if self._seen is not None and self._seen.announced == announced:
                return self._seen.sighting
            # (2) the commit, with its history
            mirror = self._mirror(announced)
            if mirror.held(deadline) != announced:
                announced = mirror.bring(self._wanted, deadline)
            # (3) what it comes to
            with self._readable(mirror, announced):
                self._seen = self._judged(mirror, announced, deadline)
            return self._seen.sighting

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        """The files of what was seen; nothing of a file is read before the sizes of all are known.

        Raises:
            SourceError: they cannot be read now.
            ConfigurationError: with every file that a bundle cannot have.

        """
        last = self._seen
        if last is None or last.sighting.state != seen.state:
            raise SourceError("another commit was seen meanwhile")
        with self._turn() as deadline:
            mirror = self._mirror(last.announced)
            with self._readable(mirror, last.announced):
                files = self._files(mirror, last, deadline)
            self._given_up = None
            return files

    def _announced(self, deadline: Deadline) -> str:
        location, reference = self._wanted.location, self._wanted.reference
        if location.path is not None:
            _check_owner(location.path)
        command = ("git", "ls-remote", "--quiet", "--end-of-options", location.url, reference)
        lines = self._commands.run(*command, seconds=deadline.left()).expected().decode("utf-8", "replace").splitlines()
        # A pattern matches the ends of names, so others may have come too.
        found = [words[0] for words in map(str.split, lines) if words[1:] == [reference]]
        if len(found) != 1 or len(found[0]) not in _ID_BYTES:
            raise SourceError(f"there is no `{self._wanted.short}` in it")
        return found[0]

    def _judged(self, mirror: Mirror, announced: str, deadline: Deadline) -> _Seen:
        commit = mirror.tip(deadline)
        if commit is None:
            raise SourceError(f"`{self._wanted.short}` names no commit")
        name = commit.object_id
        # (1) who signed it
        if self._signers is not None:
            self._signers.check(mirror.commit(name, deadline), object_id=name, deadline=deadline)
        # (2) its number
        folders = self._wanted.folders
        serial = max(1, mirror.changes(name, sorted(folders.values()), deadline))
        # (3) its folders
        found = mirror.objects([f"{name}:{path}" for path in folders.values()], deadline)
        trees = dict(zip(folders, found, strict=True))
        state = " ".join([str(serial), *(tree.object_id if tree else "-" for tree in trees.values())])
        return _Seen(announced, Sighting(state, f"commit {name[:12]} of {self._wanted.short}", serial), trees)

    def _files(self, mirror: Mirror, seen: _Seen, deadline: Deadline) -> Mapping[str, bytes]:
        # (1) the names, kinds and sizes of all
        listed = Listed(self._bounds.content)
        for folder, tree in seen.trees.items():
            path = self._wanted.folders[folder]
            if tree is None or tree.kind != "tree":
                text = f"there is no folder `{path}` for `{folder}` in the repository"
                listed.problems.append(Problem(folder, 0, 0, "directory_missing", text))
                continue
            try:
                listed.add(folder, mirror.listing(tree.object_id, deadline))
            except TooLargeError:
                text = f"the list of its files is over {self._bounds.git.max_listing_bytes} bytes"
                listed.problems.append(Problem(folder, 0, 0, "too_many_files", text))
        # (2) the bytes of those that can be in a bundle
        blobs = listed.blobs
        most = sum(blob.size + _PER_BLOB for blob in blobs.values()) + 1
        answer = mirror.blobs([blob.object_id for blob in blobs.values()], max_bytes=most, deadline=deadline)
        try:
            files = contents(answer, blobs)
        except ValueError as error:
            raise MirrorError(str(error)) from error
        # (3) every problem at once
        problems = [*listed.problems, *problems_in_files(files, limits=self._bounds.content)]
        if problems:
            raise ConfigurationError(problems)
        return files

    def _mirror(self, object_id: str) -> Mirror:
        return Mirror.for_id(object_id, folder=self._folder, commands=self._commands, limits=self._bounds.git)

    @contextmanager
    def _turn(self) -> Iterator[Deadline]:
        """The copy for ourselves: processes that share the folder take turns."""
        try:
            with _locked(self._folder):
                yield Deadline(self._bounds.timeout, steady=self._clock.steady)
        except SourceError as error:
            raise SourceError(f"`{self.name}` cannot be read: {error}") from error
        except OSError as error:
            raise SourceError(f"`{self._folder}` cannot be used: {error.strerror}") from error

    @contextmanager
    def _readable(self, mirror: Mirror, announced: str) -> Iterator[None]:
        """A copy that cannot be read is fetched anew, once: where that does not help, the repository is at fault."""
        try:
            yield
        except MirrorError as error:
            self._seen = None
            if self._given_up != announced:
                self._given_up = announced
                mirror.drop()
            raise SourceError(f"the copy of it is damaged: {error}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_owner(path: Path) -> None:
    """`git` reads no repository of somebody else, since its settings would be theirs; say so before it does."""
    for one in (path, path / ".git"):
        try:
            owner = one.stat().st_uid
        except OSError:
            continue
        if owner != os.geteuid():
            raise SourceError(
                f"`{one}` belongs to user {owner} and this process to {os.geteuid()}: `git` reads no repository of "
                "another user, so give it to this one, or name it by `ssh://` or `https://`"
            )
