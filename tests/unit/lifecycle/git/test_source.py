import os
import random
from pathlib import Path

import pytest

from pdp.core.contract.errors import ConfigurationError
from pdp.lifecycle.git.command import GitLimits
from pdp.lifecycle.git.source import GitBounds
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.standing import Trouble
from tests.git_repository import FORBID, PERMIT, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "policies.git")


def test_a_commit_has_its_files_its_number_and_its_origin(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit({"policies/team/b.cedar": FORBID, "schemas/s/t.json": "{}"})
    source = repository.source(tmp_path / "copy")
    seen = source.look()
    assert (seen.serial, seen.origin) == (1, f"commit {commit[:12]} of main")
    assert source.fetch(seen) == {
        "policies/a.cedar": PERMIT.encode(),
        "policies/catalog.yaml": b"version: 1\n",
        "policies/team/b.cedar": FORBID.encode(),
        "schemas/s/t.json": b"{}",
    }


def test_files_of_other_kinds_and_hidden_ones_are_passed_over(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"policies/README.md": "x", "policies/.git-hooks/a.cedar": "x", "schemas/.hidden.json": "x"})
    source = repository.source(tmp_path / "copy")
    assert sorted(source.fetch(source.look())) == ["policies/a.cedar", "policies/catalog.yaml"]


def test_only_what_changes_the_folders_is_a_change(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    source = repository.source(tmp_path / "copy")
    first = source.look()
    repository.commit({"README.md": "changed", "src/main.py": "x"})
    assert source.look().state == first.state
    repository.commit({"policies/a.cedar": FORBID})
    second = source.look()
    repository.commit({"policies/a.cedar": PERMIT})
    third = source.look()
    assert [one.serial for one in (first, second, third)] == [1, 2, 3]
    assert source.fetch(third)["policies/a.cedar"] == PERMIT.encode()


def test_whoever_comes_later_counts_the_same(repository: Repository, tmp_path: Path) -> None:
    early = repository.source(tmp_path / "early")
    seen = []
    for text in (PERMIT, FORBID, PERMIT, FORBID):
        repository.commit({"policies/a.cedar": text})
        seen.append(early.look())
    late = repository.source(tmp_path / "late").look()
    assert [one.serial for one in seen] == [1, 2, 3, 4]
    assert late == seen[-1]


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_after_a_commit_never_counts_less_and_counts_more_where_it_differs(
    repository: Repository, tmp_path: Path, seed: int
) -> None:
    """Histories with merges in any order of parents, which `--first-parent` numbers backwards."""
    chance = random.Random(seed)
    contents = [PERMIT, FORBID, PERMIT + "\n"]
    made: list[tuple[str, str, int, set[int]]] = []
    source = repository.source(tmp_path / "copy")
    for number in range(10):
        parents = chance.sample(range(number), min(number, chance.choice([1, 1, 2, 3])))
        text = chance.choice([*(made[one][1] for one in parents), *contents])
        changes = {"policies/a.cedar": text, "README.md": str(number)}
        commit = repository.commit(changes, parents=[made[one][0] for one in parents])
        serial = source.look().serial
        assert serial is not None
        made.append((commit, text, serial, set(parents).union(*(made[one][3] for one in parents))))
    for _, text, serial, before in made:
        for one in before:
            assert made[one][2] <= serial
            assert made[one][1] == text or made[one][2] < serial


def test_a_branch_whose_merge_has_its_parents_the_other_way_round_goes_forward(
    repository: Repository, tmp_path: Path
) -> None:
    base = repository.commit()
    repository.commit({"policies/a.cedar": FORBID})
    repository.commit({"policies/a.cedar": PERMIT})
    ours = repository.commit({"policies/a.cedar": FORBID})
    active = repository.active(tmp_path / "state")
    active.activate()
    theirs = repository.commit({"policies/b.cedar": "// b"}, branch="side", parents=[base])
    repository.commit({"policies/a.cedar": FORBID}, parents=[theirs, ours])
    active.refresh()
    assert (active.bundle.manifest.serial, active.standing.trouble) == (6, None)


def test_a_branch_that_is_forced_back_is_a_step_back(repository: Repository, tmp_path: Path) -> None:
    old = repository.commit()
    new = repository.commit({"policies/a.cedar": FORBID})
    active = repository.active(tmp_path / "state")
    active.activate()
    repository.point("main", old)
    active.refresh()
    assert active.standing.trouble is Trouble.UNTRUSTED
    assert active.standing.error == (
        "bundle_untrusted: serial 1 is older than 2, which was in force here: publish it anew to roll back"
    )
    assert active.bundle.manifest.origin == f"commit {new[:12]} of main"
    repository.point("main", new)
    active.refresh()
    assert active.standing.trouble is None


def test_a_rollback_is_a_new_commit_with_old_content(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    active = repository.active(tmp_path / "state")
    active.activate()
    first = active.bundle.manifest
    repository.commit({"policies/a.cedar": FORBID})
    active.refresh()
    repository.commit({"policies/a.cedar": PERMIT})
    active.refresh()
    assert (active.bundle.manifest.serial, active.bundle.manifest.digest) == (3, first.digest)


def test_another_repository_with_the_same_count_is_not_believed(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    active = repository.active(tmp_path / "state")
    active.activate()
    repository.commit({"policies/a.cedar": FORBID}, parents=[])
    active.refresh()
    assert active.standing.trouble is Trouble.UNTRUSTED
    assert "two bundles have one serial" in str(active.standing.error)
    assert active.bundle.manifest.serial == 1


def test_a_tag_counts_as_its_commit_annotated_or_not(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    commit = repository.commit({"policies/a.cedar": FORBID})
    repository.git("tag", "-a", "-m", "release", "v1", commit)
    repository.git("tag", "light", commit)
    repository.commit({"policies/a.cedar": PERMIT})
    for tag in ("v1", "light"):
        seen = repository.source(tmp_path / tag, tag=tag).look()
        assert (seen.serial, seen.origin) == (2, f"commit {commit[:12]} of {tag}")


def test_a_tag_that_is_moved_is_followed_forward_and_not_back(repository: Repository, tmp_path: Path) -> None:
    old = repository.commit()
    repository.git("tag", "live", old)
    active = repository.active(tmp_path / "state", repository.source(tmp_path / "copy", tag="live"))
    active.activate()
    repository.git("tag", "-f", "live", repository.commit({"policies/a.cedar": FORBID}))
    active.refresh()
    assert active.bundle.manifest.serial == 2
    repository.git("tag", "-f", "live", old)
    active.refresh()
    assert (active.bundle.manifest.serial, active.standing.trouble) == (2, Trouble.UNTRUSTED)


def test_a_tag_of_something_else_is_no_commit(repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "v1", repository.blob("x"))
    with pytest.raises(SourceError, match="`v1` names no commit"):
        repository.source(tmp_path / "copy", tag="v1").look()


def test_a_repository_with_longer_ids_is_read_too(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "policies.git", kind="sha256")
    repository.commit()
    source = repository.source(tmp_path / "copy")
    seen = source.look()
    assert (seen.serial, len(source.fetch(seen))) == (1, 2)


def test_folders_may_be_elsewhere_in_the_repository(repository: Repository, tmp_path: Path) -> None:
    repository.files = {"etc/gate keeping/x.cedar": PERMIT, "etc/gate keeping/catalog.yaml": "version: 1\n", "s/.k": ""}
    repository.commit()
    repository.commit({"policies/other.cedar": FORBID})
    source = repository.source(tmp_path / "copy", folders={"policies": "etc/gate keeping/", "schemas": "s"})
    seen = source.look()
    assert seen.serial == 1
    assert sorted(source.fetch(seen)) == ["policies/catalog.yaml", "policies/x.cedar"]


def test_a_folder_that_is_none_is_named(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"schemas/.keep": None, "schemas": "a file"})
    source = repository.source(tmp_path / "copy", folders={"policies": "rules", "schemas": "schemas"})
    with pytest.raises(ConfigurationError) as refused:
        source.fetch(source.look())
    assert [(one.file, one.code) for one in refused.value.problems] == [
        ("policies", "directory_missing"),
        ("schemas", "directory_missing"),
    ]


@pytest.mark.parametrize("branch", ["gone", "mai", "heads/main", "refs/heads/main"])
def test_a_branch_that_is_not_there_is_named(repository: Repository, tmp_path: Path, branch: str) -> None:
    repository.commit()
    repository.git("update-ref", "refs/notes/refs/heads/gone", repository.commit())
    source = repository.source(tmp_path / "copy", branch=branch)
    with pytest.raises(SourceError) as refused:
        source.look()
    assert str(refused.value) == f"`{repository.path} ({branch})` cannot be read: there is no `{branch}` in it"


def test_a_branch_that_vanishes_leaves_what_was_active(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit()
    active = repository.active(tmp_path / "state")
    active.activate()
    repository.git("update-ref", "-d", "refs/heads/main")
    active.refresh()
    assert (active.standing.trouble, active.bundle.manifest.serial) == (Trouble.UNAVAILABLE, 1)
    repository.point("main", commit)
    active.refresh()
    assert active.standing.trouble is None


def test_a_history_that_was_cut_short_is_not_counted(repository: Repository, tmp_path: Path) -> None:
    for text in (PERMIT, FORBID, PERMIT):
        repository.commit({"policies/a.cedar": text})
    shallow = tmp_path / "shallow.git"
    url = f"file://{repository.path}"
    repository.git("clone", "--quiet", "--bare", "--depth=1", "--branch=main", url, str(shallow))
    with pytest.raises(SourceError, match="shallow"):
        Repository(shallow).source(tmp_path / "copy").look()


def test_a_repository_of_another_user_is_not_read_and_the_message_says_what_to_do(
    repository: Repository, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    repository.commit()
    os.chown(repository.path, 12345, 12345)
    with pytest.raises(SourceError, match=r"belongs to user 12345 .*`git` reads no repository of another user"):
        repository.source(tmp_path / "copy").look()


def test_what_a_repository_that_is_gone_costs_is_one_message(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not appear to be a git repository"):
        repository.source(tmp_path / "copy", url=str(tmp_path / "nothing")).look()


def test_a_copy_that_is_damaged_is_fetched_anew(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    copy = tmp_path / "copy"
    repository.source(copy).look()
    (pack,) = (copy / "sha1.git" / "objects" / "pack").glob("*.pack")
    pack.chmod(0o600)
    pack.write_bytes(b"\0" * pack.stat().st_size)
    source = repository.source(copy)
    with pytest.raises(SourceError, match="the copy of it is damaged"):
        source.look()
    seen = source.look()
    assert seen.serial == 1
    for path in (copy / "sha1.git" / "objects" / "pack").glob("*.pack"):
        path.chmod(0o600)
        path.write_bytes(b"\0" * path.stat().st_size)
    # It was fetched anew for this commit already, and is not again at every look.
    with pytest.raises(SourceError, match="the copy of it is damaged"):
        source.fetch(seen)
    assert (copy / "sha1.git").exists()


def test_what_a_fetch_that_was_killed_left_behind_stops_no_other(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    copy = tmp_path / "copy"
    repository.source(copy).look()
    repository.commit({"policies/a.cedar": FORBID})
    left = [copy / "sha1.git" / name for name in ("refs/toolgate/seen.lock", "objects/pack/tmp_pack_x", "config.lock")]
    for path in left:
        path.write_bytes(b"x")
    assert repository.source(copy).look().serial == 2
    assert not any(path.exists() for path in left)


def test_many_fetches_leave_few_files(repository: Repository, tmp_path: Path) -> None:
    source = repository.source(tmp_path / "copy", bounds=GitBounds(git=GitLimits(max_packs=3)))
    packs = tmp_path / "copy" / "sha1.git" / "objects" / "pack"
    for number in range(8):
        repository.commit({"policies/a.cedar": f"{PERMIT} // {number}"})
        source.look()
    seen = source.look()
    assert len(list(packs.glob("*.pack"))) <= 4
    assert (seen.serial, len(source.fetch(seen))) == (8, 2)


def test_a_copy_that_cannot_be_written_is_named(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("a file where a folder must be")
    with pytest.raises(SourceError, match=r"copy` cannot be used"):
        repository.source(tmp_path / "copy").look()


def test_what_was_not_seen_last_is_not_fetched(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    source = repository.source(tmp_path / "copy")
    first = source.look()
    repository.commit({"policies/a.cedar": FORBID})
    source.look()
    with pytest.raises(SourceError, match="another commit was seen meanwhile"):
        source.fetch(first)
