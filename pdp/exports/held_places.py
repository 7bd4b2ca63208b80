"""Checkpoints that are held outside, wherever an option says: a file, a folder, a bare repository."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pdp.audit.evidence.held_check import HeldFile
from pdp.audit.evidence.statement import EvidenceError
from pdp.core.contract.errors import UnusableError
from pdp.exports.folder import read_plain
from pdp.exports.git import HeldRepository
from pdp.exports.naming import is_checkpoint
from pdp.lifecycle.git.command import GIT_LIMITS, CommandError, Commands, check_git, check_installed
from pdp.lifecycle.git.environment import GitAccess, git_environment

_GIT_SECONDS: Final = 60.0


def held_at(place: str) -> Iterator[HeldFile]:
    """What is held at `place`: a file, a folder as it is exported, or a bare repository (`PATH` or `PATH#BRANCH`).

    Raises:
        UnusableError: there is nothing there that could be one.

    """
    path = Path(place)
    if path.is_dir():
        yield from _in_repository(path, "HEAD") if _is_bare(path) else _in_folder(path)
        return
    folder, mark, branch = place.rpartition("#")
    if mark and branch and Path(folder).is_dir():
        yield from _in_repository(Path(folder), f"refs/heads/{branch}")
        return
    if not path.is_file():
        raise UnusableError(f"there is no checkpoint at `{place}`: name a file, a folder, or a bare repository")
    yield HeldFile(place, path.read_bytes if path.is_symlink() else partial(read_plain, path))


def _in_folder(folder: Path) -> Iterator[HeldFile]:
    """Every checkpoint in `folder`; links are not followed. One that is a link is told as unusable."""
    found = 0
    for inner in sorted(folder.iterdir()):
        if inner.is_symlink() or not inner.is_dir():
            continue
        for path in sorted(inner.iterdir()):
            if is_checkpoint(f"{inner.name}/{path.name}"):
                found += 1
                yield HeldFile(str(path), partial(read_plain, path))
    for path in sorted(folder.glob("*.json")):
        found += 1
        yield HeldFile(str(path), partial(read_plain, path))
    if not found:
        raise UnusableError(f"there is no checkpoint in `{folder}`")


def _in_repository(folder: Path, reference: str) -> Iterator[HeldFile]:
    environment = git_environment(GitAccess(), url=str(folder), environment=os.environ)  # noqa: TID251 - the edge
    # Whoever owns it, it is only read, and runs nothing of its own.
    environment = {**environment, "GIT_DIR": str(folder.absolute())}
    check_installed("git", environment=environment)
    check_git(environment)
    commands = Commands(environment, folder=folder.absolute(), limits=GIT_LIMITS)
    repository = HeldRepository(commands, reference=reference, timeout=_GIT_SECONDS)
    try:
        paths = [path for path in repository.paths() if is_checkpoint(path)]
    except CommandError as error:
        raise UnusableError(f"`{folder}` cannot be read by `git`: {error}") from error
    if not paths:
        raise UnusableError(f"there is no checkpoint in `{folder}`: name its branch after a `#`")
    for path in paths:
        yield HeldFile(f"{folder}: {path}", _reading(repository, path))


def _reading(repository: HeldRepository, path: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return repository.read(path)
        except CommandError as error:
            raise EvidenceError(str(error)) from error

    return read


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()
