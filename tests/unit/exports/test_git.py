import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from pdp.audit.evidence.checkpoint import signed
from pdp.audit.evidence.export import ExportError, Leaves
from pdp.audit.evidence.finding import Damage
from pdp.audit.evidence.held import Held, read_held
from pdp.core.contract.errors import UnusableError
from pdp.exports.git import GitExport
from pdp.exports.held_places import held_at
from pdp.exports.naming import path_of
from pdp.lifecycle.git.command import GIT_LIMITS, Commands
from pdp.lifecycle.git.environment import GitAccess, git_environment
from tests.unit.audit.evidence.scene import KEY, Scene, Writer


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}  # noqa: TID251
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env=environment, timeout=60
    ).stdout


@pytest.fixture
def held(scene: Scene) -> list[Held]:
    scene.put(Writer().write(25))
    scene.checkpointer.make()
    return [read_held(one.read()) for one in scene.held(Leaves.WITH)]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote.git"
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "-b", "main", ".")
    return folder


def export(remote: Path, folder: Path) -> GitExport:
    folder.mkdir(exist_ok=True)
    environment = git_environment(
        GitAccess(),
        url=str(remote),
        environment={"PATH": os.environ["PATH"]},  # noqa: TID251 - a child gets what we have
    )
    commands = Commands(environment, folder=folder, limits=GIT_LIMITS)
    return GitExport(str(remote), branch="checkpoints", folder=folder, commands=commands, timeout=60, target="git")


def test_each_checkpoint_is_a_commit_and_the_branch_verifies_the_log(
    scene: Scene, held: list[Held], remote: Path, tmp_path: Path
) -> None:
    made = export(remote, tmp_path / "copy")
    for one in held:
        made.publish(one)
    assert len(git(remote, "log", "--format=%s", "checkpoints").splitlines()) == 3
    git(remote, "fsck", "--strict")
    files = list(held_at(f"{remote}#checkpoints"))
    assert (len(files), scene.verify(files).held, scene.damage(files)) == (3, 3, set())
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "-b", "checkpoints", str(remote), str(clone))
    assert scene.verify(list(held_at(str(clone)))).held == 3


def test_what_the_branch_has_is_not_committed_again_by_whoever_starts_anew(
    held: list[Held], remote: Path, tmp_path: Path
) -> None:
    export(remote, tmp_path / "copy").publish(held[0])
    export(remote, tmp_path / "copy").publish(held[0])
    export(remote, tmp_path / "another").publish(held[0])
    export(remote, tmp_path / "another").publish(held[1])
    export(remote, tmp_path / "copy").publish(held[2])
    assert len(git(remote, "log", "--format=%s", "checkpoints").splitlines()) == 3


def test_a_commit_goes_on_from_what_others_pushed(held: list[Held], remote: Path, tmp_path: Path) -> None:
    made = export(remote, tmp_path / "copy")
    made.publish(held[0])
    git(tmp_path, "clone", "--quiet", "-b", "checkpoints", str(remote), "clone")
    (tmp_path / "clone" / "README.md").write_text("what this is")
    git(tmp_path / "clone", "add", ".")
    git(tmp_path / "clone", "commit", "--quiet", "-m", "say what this is")
    git(tmp_path / "clone", "push", "--quiet", "origin", "checkpoints")
    made.publish(held[1])
    names = git(remote, "ls-tree", "-r", "--name-only", "checkpoints").split()
    assert names == [path_of(1), path_of(2), "README.md"]


def test_another_checkpoint_never_takes_the_place_of_one(held: list[Held], remote: Path, tmp_path: Path) -> None:
    made = export(remote, tmp_path / "copy")
    made.publish(held[0])
    other = signed(msgspec.structs.replace(held[0].checkpoint.statement, time="2026-01-01T00:00:00.000Z"), key=KEY)
    with pytest.raises(ExportError, match="another checkpoint"):
        made.publish(Held(other))


def test_a_repository_that_is_gone_or_takes_nothing_is_an_error_and_later_it_goes_on(
    held: list[Held], remote: Path, tmp_path: Path
) -> None:
    made = export(remote, tmp_path / "copy")
    made.publish(held[0])
    aside = remote.rename(tmp_path / "aside")
    with pytest.raises(ExportError, match="`git`: "):
        made.publish(held[1])
    aside.rename(remote)
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git(remote, "config", "core.hooksPath", "hooks")
    with pytest.raises(ExportError, match="`git`: "):
        made.publish(held[1])
    hook.unlink()
    made.publish(held[1])
    assert len(git(remote, "log", "--format=%s", "checkpoints").splitlines()) == 2


def test_a_rewritten_branch_is_a_truncated_one_to_nobody_who_has_the_log(
    scene: Scene, held: list[Held], remote: Path, tmp_path: Path
) -> None:
    made = export(remote, tmp_path / "copy")
    for one in held:
        made.publish(one)
    git(remote, "update-ref", "refs/heads/checkpoints", "checkpoints~1")
    assert scene.damage(list(held_at(f"{remote}#checkpoints"))) == set()
    made.publish(held[2])
    scene.tamper("DELETE FROM checkpoints WHERE number = 3")
    assert scene.damage(list(held_at(f"{remote}#checkpoints"))) == {Damage.LOG_TRUNCATED}


@pytest.mark.parametrize("place", ["#main", "#--output=x", "#missing"])
def test_a_branch_that_is_not_there_is_said(remote: Path, place: str) -> None:
    with pytest.raises(UnusableError):
        list(held_at(f"{remote}{place}"))
