from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcers.cli.schemas_folder import SnapshotFolder, reference_of
from pdp.core.catalog.definitions.definition import NAMING, Definition, Kind, definition_of
from pdp.core.catalog.definitions.snapshot import read_snapshot, snapshot_bytes
from pdp.core.contract.errors import UnusableError

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.sampled_from(
    ["..", ".", ".git", "../../x", "a/b", "~", "%2E", "a" * 500, "\N{BELL}", "CON", "x.json", "prompts"]
)


def named(kind: Kind, name: str) -> Definition:
    return definition_of(kind, server="git", content={NAMING[kind]: name})


@given(kind=st.sampled_from(Kind), name=NAMES)
def test_an_id_can_be_typed_and_is_the_path_of_a_snapshot_that_is_read_again(kind: Kind, name: str) -> None:
    definition = named(kind, name)
    reference = reference_of(definition)
    assert (reference.isascii(), reference.isprintable(), " " in reference) == (True, True, False)
    *folders, file = reference.split("/")
    assert folders in (["git"], ["git", f"{kind}s"])
    assert (file.startswith("."), len(file) <= 200) == (False, True)
    assert read_snapshot(f"schemas/{reference}.json", snapshot_bytes(definition)) == definition


@given(kind=st.sampled_from(Kind), one=NAMES, other=NAMES)
def test_two_names_have_two_ids(kind: Kind, one: str, other: str) -> None:
    assert (reference_of(named(kind, one)) == reference_of(named(kind, other))) == (one == other)


def test_what_was_written_is_read_and_what_was_removed_is_not(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path / "schemas")
    written = [named(kind, name) for kind in Kind for name in ("a", "../b", ".c")]
    for definition in written:
        folder.write(definition)
    assert folder.read("git").approved == {reference_of(each): each for each in written}
    assert folder.read("other").approved == {}
    for definition in written:
        folder.remove(reference_of(definition))
    assert (folder.read("git").approved, [p for p in tmp_path.rglob("*") if p.is_file()]) == ({}, [])


def test_a_snapshot_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path)
    (tmp_path / "git" / "a.json").mkdir(parents=True)
    with pytest.raises(UnusableError, match="cannot be written"):
        folder.write(named(Kind.TOOL, "a"))
    assert [path.name for path in (tmp_path / "git").iterdir()] == ["a.json"]
    (tmp_path / "git" / "prompts").write_text("in the way")
    with pytest.raises(UnusableError, match="cannot be written"):
        folder.write(named(Kind.PROMPT, "a"))


@pytest.mark.parametrize("reference", ["git/../../x", "../x/y", "git/../other/a"])
def test_nothing_above_the_folder_is_removed(tmp_path: Path, reference: str) -> None:
    (tmp_path / "schemas").mkdir()
    with pytest.raises(UnusableError, match="is not below"):
        SnapshotFolder(tmp_path / "schemas").remove(reference)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "schemas").symlink_to(tmp_path / "real", target_is_directory=True)
    SnapshotFolder(tmp_path / "schemas").write(named(Kind.TOOL, "a"))
    assert [path.name for path in (tmp_path / "real").rglob("*.json")] == ["a.json"]


def test_what_a_decision_point_would_not_read_is_broken(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.mkdir()
    (git / "large.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    (git / "other.json").write_bytes(snapshot_bytes(named(Kind.TOOL, "a")))
    (git / ".hidden.json").write_text("never read")
    (git / "notes.md").write_text("never read")
    read = SnapshotFolder(tmp_path).read("git")
    assert read.approved == {}
    assert {name: " ".join(why.split()[:4]) for name, why in read.broken.items()} == {
        "git/large": "a snapshot has at",
        "git/other": "the tool is called",
    }
