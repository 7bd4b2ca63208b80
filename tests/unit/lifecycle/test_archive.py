"""Archives: contents by their digest, whole and unchanged, until nobody could ask for them any more."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.bundle.content import content_digest
from pdp.core.contract.digest import digest_of
from pdp.lifecycle.archive import Archived, ArchiveError, NotArchivedError, expired
from pdp.lifecycle.archive_directory import DirectoryArchive
from tests.signed_bundles import NOW
from tests.unit.lifecycle.scene import MemoryArchive, Scene, files

CONTENTS = [b'{"n":%d}' % number for number in range(4)]
DIGESTS = [digest_of(content) for content in CONTENTS]


def entries(*ats: float) -> list[Archived]:
    return [Archived(at, f"sha256:{number}") for number, at in enumerate(ats)]


def gone(*ats: float, keep: float = 100.0, now: float = 1000.0) -> list[str]:
    return [digest.removeprefix("sha256:") for digest in expired(entries(*ats), keep=keep, now=now)]


def test_what_was_replaced_long_ago_is_let_go() -> None:
    # 0 was replaced at 100, 1 at 950: the newest never goes, however old it is.
    assert gone(0, 100, 950) == ["0"]
    assert gone(0, 899, 899.5) == ["0", "1"]
    assert gone(0, 900) == []
    assert gone(0) == []
    assert gone() == []
    assert gone(-1e9) == []


def test_what_came_back_is_kept_from_then_on() -> None:
    # 0 was put again at 990, after 1.
    assert gone(990, 500) == []
    assert gone(990, 500, 100) == ["2"]


def test_a_clock_ahead_lets_nothing_go_early() -> None:
    assert gone(0, 5000) == []
    assert gone(2000, 3000) == []


@given(ats=st.lists(st.floats(0, 2000), max_size=8), keep=st.floats(0, 500), now=st.floats(0, 2000))
def test_what_was_in_force_within_the_time_to_keep_is_there(ats: list[float], keep: float, now: float) -> None:
    kept = {one.digest for one in entries(*ats)} - set(expired(entries(*ats), keep=keep, now=now))
    order = sorted(entries(*ats))
    for number, entry in enumerate(order):
        replaced = order[number + 1].at if number + 1 < len(order) else float("inf")
        assert (entry.digest in kept) == (replaced >= now - keep)


@pytest.fixture
def archive(tmp_path: Path) -> DirectoryArchive:
    return DirectoryArchive(tmp_path / "state" / "bundles")


def test_an_archive_gives_back_what_was_put(tmp_path: Path, archive: DirectoryArchive) -> None:
    assert archive.entries() == []
    for number, (digest, content) in enumerate(zip(DIGESTS, CONTENTS, strict=True)):
        archive.put(digest, content, now=NOW + number)
    assert [archive.get(digest) for digest in DIGESTS] == CONTENTS
    assert sorted(archive.entries()) == [Archived(NOW + number, digest) for number, digest in enumerate(DIGESTS)]
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW + 9)
    assert max(archive.entries()) == Archived(NOW + 9, DIGESTS[0])
    archive.remove(DIGESTS[0])
    archive.remove(DIGESTS[0])
    with pytest.raises(NotArchivedError):
        archive.get(DIGESTS[0])
    assert len(archive.entries()) == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "state" / "bundles").iterdir())


@pytest.mark.parametrize("change", [b"", CONTENTS[1], CONTENTS[0][:-1], CONTENTS[0] + b"\n"])
def test_what_was_changed_is_told_and_comes_right_when_it_is_put_again(
    tmp_path: Path, archive: DirectoryArchive, change: bytes
) -> None:
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW)
    (path,) = (tmp_path / "state" / "bundles").iterdir()
    path.write_bytes(change)
    with pytest.raises(ArchiveError, match="not what was put there"):
        archive.get(DIGESTS[0])
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW)
    assert archive.get(DIGESTS[0]) == CONTENTS[0]


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "A" * 64,
        "sha256-" + "0" * 64,
        "sha512:" + "0" * 64,
        "0" * 64,
        "sha256:" + "0" * 64 + "\n",
        "../sha256:" + "0" * 64,
        "/etc/sha256:" + "0" * 64,
        "sha256:" + "0" * 61 + "/..",
        "sha256:\x00" + "0" * 63,
        "\udcff",
        "sha256:" + "\u0660" * 64,
    ],
    ids=range(15),
)
def test_a_digest_that_is_none_leads_nowhere(tmp_path: Path, archive: DirectoryArchive, digest: str) -> None:
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW)
    outside = tmp_path / "state" / ("sha256-" + "0" * 64 + ".json")
    outside.write_bytes(b"{}")
    with pytest.raises(NotArchivedError):
        archive.get(digest)
    with pytest.raises(NotArchivedError):
        archive.remove(digest)
    with pytest.raises(NotArchivedError):
        archive.put(digest, b"", now=NOW)
    assert outside.read_bytes() == b"{}"
    assert len(archive.entries()) == 1


def test_what_else_lies_there_is_nobodys_bundle(tmp_path: Path, archive: DirectoryArchive) -> None:
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW)
    folder = tmp_path / "state" / "bundles"
    (folder / "README").write_text("x")
    (folder / "tmpabcdef").write_bytes(CONTENTS[1])
    (folder / ("sha256-" + "0" * 64 + ".json.bak")).write_text("x")
    (folder / ("sha256-" + "1" * 64 + ".json")).symlink_to("nowhere")
    assert [entry.digest for entry in archive.entries()] == [DIGESTS[0]]


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("a file where a folder must be")
    archive = DirectoryArchive(tmp_path / "bundles")
    for use in (
        lambda: archive.put(DIGESTS[0], CONTENTS[0], now=NOW),
        lambda: archive.get(DIGESTS[0]),
        archive.entries,
        lambda: archive.remove(DIGESTS[0]),
    ):
        with pytest.raises(ArchiveError):
            use()


def test_what_is_put_at_once_by_many_is_whole(tmp_path: Path, archive: DirectoryArchive) -> None:
    contents = [b'{"n":"%d%s"}' % (number, b"x" * 100_000) for number in range(3)]
    digests = [digest_of(content) for content in contents]
    wrong: list[BaseException] = []

    def put_and_get() -> None:
        try:
            for _ in range(5):
                for digest, content in zip(digests, contents, strict=True):
                    archive.put(digest, content, now=NOW)
                    assert archive.get(digest) == content
        except (ArchiveError, AssertionError) as error:
            wrong.append(error)

    threads = [threading.Thread(target=put_and_get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, len(list((tmp_path / "state" / "bundles").iterdir()))) == ([], 3)


def test_nothing_half_written_stays_where_a_file_cannot_be_put(tmp_path: Path, archive: DirectoryArchive) -> None:
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW)
    folder = tmp_path / "state" / "bundles"
    # A name that is a folder cannot be replaced by a file.
    (folder / (DIGESTS[1].replace(":", "-") + ".json")).mkdir()
    with pytest.raises(ArchiveError):
        archive.put(DIGESTS[1], CONTENTS[1], now=NOW)
    assert sorted(path.name[:6] for path in folder.iterdir()) == ["sha256", "sha256"]


def test_a_bundle_stays_for_as_long_as_its_decisions_may_be_asked_about(tmp_path: Path) -> None:
    scene = Scene(tmp_path)  # keeps for 100 s
    digests = {name: content_digest(files(name)) for name in ("one", "two", "three", "four")}
    scene.channel.publish(files("one"), 1)
    scene.start()
    for serial, name in ((2, "two"), (3, "three"), (4, "one"), (5, "four")):
        scene.time.passes(20)
        scene.channel.publish(files(name), serial, now=scene.time.wall)
        scene.look()
        assert scene.in_force() == (serial, name)
    assert set(scene.archive.kept) == set(digests.values())
    assert scene.active.archived(digests["two"]) == scene.archive.kept[digests["two"]][1]
    scene.time.passes(81)  # `two` was replaced at 40, `three` at 60, `one` for good at 80; it is 161
    scene.channel.publish(files("five"), 6, now=scene.time.wall)
    scene.look()
    assert set(scene.archive.kept) == {digests["one"], digests["four"], content_digest(files("five"))}
    with pytest.raises(NotArchivedError):
        scene.active.archived(digests["two"])


class Stubborn(MemoryArchive):
    """Lets nothing go."""

    def remove(self, digest: str) -> None:
        raise ArchiveError("it may not be removed")


def test_an_archive_that_cannot_let_go_refuses_no_bundle(tmp_path: Path) -> None:
    scene = Scene(tmp_path, archive=Stubborn())
    scene.channel.publish(files("one"), 1)
    scene.start()
    for serial in (2, 3):
        scene.time.passes(200)
        scene.channel.publish(files(f"n{serial}"), serial)
        scene.look()
    assert (scene.in_force(), scene.trouble()) == ((3, "n3"), None)
    assert "bundle_not_retired" in scene.events()


def test_the_active_bundle_is_never_let_go_whatever_the_clocks_of_others_say(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.channel.publish(files("one"), 1)
    scene.start()
    # Others put theirs into the same archive, by clocks that are ahead.
    for number in range(2):
        scene.archive.kept[DIGESTS[number]] = (NOW + 1e6 + number, CONTENTS[number])
    scene.time.wall = NOW + 3e6
    scene.channel.publish(files("two"), 2)
    scene.archive.kept[DIGESTS[2]] = (NOW + 4e6, CONTENTS[2])
    scene.time.wall = NOW + 1
    scene.look()
    assert scene.active.bundle.manifest.digest in scene.archive.kept


def test_put_keeps_the_time_although_the_file_is_there(tmp_path: Path, archive: DirectoryArchive) -> None:
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW)
    (path,) = (tmp_path / "state" / "bundles").iterdir()
    before = path.stat().st_ino
    archive.put(DIGESTS[0], CONTENTS[0], now=NOW + 5)
    assert (path.stat().st_ino, path.stat().st_mtime) == (before, NOW + 5)
