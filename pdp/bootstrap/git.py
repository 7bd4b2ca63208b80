"""A Git source from the settings."""

import os
from pathlib import Path

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.bundles import GitSettings
from pdp.lifecycle.git.command import GIT_LIMITS, Commands, check_git, check_installed
from pdp.lifecycle.git.environment import GitAccess, git_environment
from pdp.lifecycle.git.location import wanted
from pdp.lifecycle.git.signature import Signers
from pdp.lifecycle.git.source import GitBounds, GitSource
from pdp.tokens.secret_file import read_secret


def open_git(git: GitSettings, *, base: Path, folder: Path, setting: str, clock: Clock) -> GitSource:
    """The source of the settings under `setting`, whose paths are relative to `base`; its copy is in `folder`.

    Raises:
        ConfigurationError: with everything that cannot be asked for.
        UnusableError: `git` or `ssh-keygen` is not there, or a file of the settings cannot be used.

    """
    asked = wanted(
        git.url,
        reference=f"refs/tags/{git.tag}" if git.branch is None else f"refs/heads/{git.branch}",
        folders={"policies": git.policies, "schemas": git.schemas},
        base=base,
        setting=setting,
    )
    access = GitAccess(
        user=git.user,
        password=None if git.password is None else _password(base / git.password),
        ssh_key=_file(base, git.ssh_key),
        known_hosts=_file(base, git.known_hosts),
    )
    environment = git_environment(access, url=asked.location.url, environment=os.environ)  # noqa: TID251 - the edge
    check_installed("git", *(["ssh-keygen"] if git.signers else []), environment=environment)
    check_git(environment)
    commands = Commands(environment, folder=folder.absolute(), limits=GIT_LIMITS, secrets=access.secrets)
    allowed = _file(base, git.signers)
    return GitSource(
        asked,
        folder=folder.absolute(),
        commands=commands,
        clock=clock,
        signers=None if allowed is None else Signers(allowed, commands),
        bounds=GitBounds(timeout=git.timeout),
    )


def _password(path: Path) -> str:
    try:
        return read_secret(path).decode("utf-8").strip()
    except FileNotFoundError as error:
        raise UnusableError(f"there is no file `{path}`") from error
    except UnicodeDecodeError as error:
        raise UnusableError(f"`{path}` holds no text") from error


def _file(base: Path, path: Path | None) -> Path | None:
    if path is None:
        return None
    found = (base / path).absolute()
    if not found.is_file():
        raise UnusableError(f"there is no file `{found}`")
    return found
