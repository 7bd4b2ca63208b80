import os
from pathlib import Path

import msgspec
import pytest

from pdp.audit.evidence.checkpoint import signed
from pdp.audit.evidence.export import ExportError, Leaves
from pdp.audit.evidence.finding import Damage
from pdp.audit.evidence.held import Held, read_held
from pdp.core.contract.errors import UnusableError
from pdp.exports.folder import FolderExport
from pdp.exports.held_places import held_at
from pdp.exports.naming import is_checkpoint, path_of
from tests.unit.audit.evidence.scene import KEY, Scene, Writer


@pytest.fixture
def held(scene: Scene) -> list[Held]:
    scene.put(Writer().write(25))
    scene.checkpointer.make()
    return [read_held(one.read()) for one in scene.held(Leaves.WITH)]


def give(folder: Path, held: list[Held]) -> FolderExport:
    export = FolderExport(folder, target="outside")
    for one in held:
        export.publish(one)
    return export


def test_what_is_exported_is_what_verifies_the_log(scene: Scene, held: list[Held], tmp_path: Path) -> None:
    give(tmp_path / "outside", held)
    files = list(held_at(str(tmp_path / "outside")))
    assert len(files) == 3
    assert scene.verify(files).held == 3
    assert scene.damage(files) == set()
    scene.tamper("DELETE FROM checkpoints WHERE number = 3")
    assert scene.damage(files) == {Damage.LOG_TRUNCATED}


def test_giving_one_again_changes_nothing(held: list[Held], tmp_path: Path) -> None:
    export = give(tmp_path, held)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    for one in held:
        export.publish(one)
        export.publish(Held(one.checkpoint))  # with or without the digests, it is the same checkpoint
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before


def test_another_checkpoint_never_takes_the_place_of_one(held: list[Held], tmp_path: Path) -> None:
    export = give(tmp_path, held)
    other = signed(msgspec.structs.replace(held[0].checkpoint.statement, time="2026-01-01T00:00:00.000Z"), key=KEY)
    with pytest.raises(ExportError, match="another checkpoint"):
        export.publish(Held(other))
    (tmp_path / path_of(2)).write_text("{}")
    with pytest.raises(ExportError, match="no checkpoint"):
        export.publish(held[1])


def test_a_link_in_the_folder_leads_nowhere(held: list[Held], tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "outside", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    secret = elsewhere / "secret"
    secret.write_text("kept")
    (folder / "00000000").symlink_to(elsewhere)
    export = FolderExport(folder, target="outside")
    with pytest.raises(ExportError, match="is a link"):
        export.publish(held[0])
    (folder / "00000000").unlink()
    (folder / "00000000").mkdir()
    (folder / path_of(1)).symlink_to(secret)
    with pytest.raises(ExportError):
        export.publish(held[0])
    assert secret.read_text() == "kept"
    assert list(elsewhere.iterdir()) == [secret]


def test_links_pipes_and_huge_files_among_what_is_held_are_named_and_not_followed(
    scene: Scene, held: list[Held], tmp_path: Path
) -> None:

    folder = tmp_path / "outside"
    give(folder, held)
    (folder / "00000000" / "000000000004.json").symlink_to("/etc/hostname")
    os.mkfifo(folder / "00000000" / "000000000005.json")
    with (folder / "00000000" / "000000000006.json").open("wb") as file:
        file.truncate(1 << 40)
    (folder / "00000000" / "000000000007.json").mkdir()
    (folder / "00000001").symlink_to("/etc")
    report = scene.verify(list(held_at(str(folder))))
    assert report.findings.counts == {Damage.HELD_UNUSABLE: 4}


def test_a_folder_that_cannot_be_written_is_an_error_that_says_why(held: list[Held], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written: Not a directory"):
        FolderExport(tmp_path / "file", target="outside").publish(held[0])


def test_a_place_that_holds_nothing_is_no_place(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UnusableError):
            list(held_at(str(place)))


def test_names_are_those_of_checkpoints_or_not() -> None:
    assert path_of(123_456) == "00000012/000000123456.json"
    assert is_checkpoint("00000012/000000123456.json")
    assert not any(map(is_checkpoint, ["00000011/000000123456.json", "x/000000123456.json", "000000123456.json"]))
