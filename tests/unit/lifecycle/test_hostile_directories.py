"""Folders that somebody filled to harm: each is refused with file and reason, and the active bundle decides on."""

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from pdp.core.bundle.content import ContentLimits
from pdp.core.contract.errors import ConfigurationError
from pdp.lifecycle import directory, tree
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.source import Sighting, SourceError
from tests.unit.lifecycle.scene import Scene, files

Harm = Callable[[Path], object]


def write(base: Path, content: Mapping[str, bytes]) -> None:
    for path, raw in content.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_bytes(raw)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    write(folder, files("one"))
    return folder


@pytest.fixture
def scene(base: Path, tmp_path: Path) -> Scene:
    scene = Scene(tmp_path / "state", trust=None)
    scene.source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
    scene.start()
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((1, "one"), None)
    return scene


def put(path: str, content: bytes) -> Harm:
    return lambda base: write(base, {path: content})


def link(path: str, target: str) -> Harm:
    def harm(base: Path) -> None:
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).symlink_to(target)

    return harm


def listening_socket(base: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as opened:
        opened.bind(os.fsencode(base / "policies" / "s.cedar"))


def sparse(base: Path) -> None:
    with (base / "policies" / "giant.cedar").open("wb") as file:
        file.truncate(2**40)


def long_path(base: Path) -> None:
    """A folder whose whole path no system call takes, so that who walks by names misses what lies in it."""
    name = "d" * 200
    here = os.open(base / "policies", os.O_RDONLY)
    for _ in range(25):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    descriptor = os.open("forbid.cedar", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(descriptor, b'@id("forbid") forbid (principal, action, resource);')
    os.close(descriptor)
    os.close(here)


def deep(base: Path) -> None:
    here = os.open(base / "policies", os.O_RDONLY)
    for _ in range(100):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def device(base: Path) -> None:
    try:
        os.mknod(base / "policies" / "null.cedar", 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def undecodable(base: Path) -> None:
    try:
        (base / "policies" / os.fsdecode(b"\xff\xfe.cedar")).touch()
    except OSError:
        pytest.skip("this file system takes no such name")


BOMB = b"version: 1\na: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n, n, b", ".join([b"*%c" % (n - 1)] * 9)) for n in b"bcdefghij"
)
DEEP_YAML = b"version: 1\nservers: " + b"[" * 100_000
HARMS: Mapping[str, tuple[Harm, str, str]] = {
    "a link to a file": (link("policies/x.cedar", "a.cedar"), "policies/x.cedar", "not_a_file"),
    "a link to a secret": (link("policies/x.cedar", "/etc/passwd"), "policies/x.cedar", "not_a_file"),
    "a link to a process": (link("policies/x.cedar", "/proc/self/environ"), "policies/x.cedar", "not_a_file"),
    "a link to an endless file": (link("schemas/x.json", "/dev/zero"), "schemas/x.json", "not_a_file"),
    "a link to itself": (link("policies/x.cedar", "x.cedar"), "policies/x.cedar", "not_a_file"),
    "a link to nothing": (link("policies/catalog.yaml", "nowhere"), "policies/catalog.yaml", "not_a_file"),
    "a linked folder": (link("policies/team", "/etc"), "policies/team", "not_a_file"),
    "a linked folder of processes": (link("schemas/all", "/proc"), "schemas/all", "not_a_file"),
    "a folder linked to its parent": (link("policies/again", ".."), "policies/again", "not_a_file"),
    "a folder linked like a file": (link("policies/x.cedar", "/etc"), "policies/x.cedar", "not_a_file"),
    "a pipe": (lambda base: os.mkfifo(base / "policies" / "p.cedar"), "policies/p.cedar", "not_a_file"),
    "a pipe as a schema": (lambda base: os.mkfifo(base / "schemas" / "p.json"), "schemas/p.json", "not_a_file"),
    "a socket": (listening_socket, "policies/s.cedar", "not_a_file"),
    "a device": (device, "policies/null.cedar", "not_a_file"),
    "a giant file": (sparse, "policies/giant.cedar", "too_large"),
    "a file over the limit": (
        put("policies/big.cedar", b"/" * (4 * 1024 * 1024 + 1)),
        "policies/big.cedar",
        "too_large",
    ),
    "binary": (put("policies/b.cedar", bytes(range(256))), "policies/b.cedar", "encoding"),
    "invalid UTF-8": (put("policies/b.cedar", b"// a\n\n\xc3\x28"), "policies/b.cedar:3", "encoding"),
    "a schema in UTF-16": (put("schemas/git/x.json", "{}".encode("utf-16")), "schemas/git/x.json:1", "encoding"),
    "a name with a line end": (put("policies/a\nb.cedar", b""), "policies/a\\x0ab.cedar", "name_invalid"),
    "a name with an escape": (put("policies/\x1b[31m.cedar", b""), "policies/\\x1b[31m.cedar", "name_invalid"),
    "a name that turns around": (put("policies/\u202ex.cedar", b""), "policies/\\x202ex.cedar", "name_invalid"),
    "a name with a backslash": (put("policies/x\\y.cedar", b""), "policies/x\\y.cedar", "name_invalid"),
    "a name that is no text": (undecodable, "policies/\\xdcff\\xdcfe.cedar", "name_invalid"),
    "a name in two cases": (put("policies/A.cedar", b""), "policies/a.cedar", "name_collision"),
    "a name of another form": (put("policies/e\u0301.cedar", b""), "policies/e", "name_invalid"),
    "an unknown kind": (put("policies/values.yaml", b""), "policies/values.yaml", "file_unknown"),
    "a folder that no call can name": (long_path, "policies/dddd", "name_invalid"),
    "very deep folders": (deep, "policies/d/d/d", "too_deep"),
    "a YAML bomb": (put("policies/catalog.yaml", BOMB), "policies/catalog.yaml", ""),
    "deep YAML": (put("policies/catalog.yaml", DEEP_YAML), "policies/catalog.yaml", ""),
    "a YAML tag": (
        put("policies/catalog.yaml", b"!!python/object/apply:os.system [id]\n"),
        "policies/catalog.yaml",
        "",
    ),
    "a YAML anchor": (
        put("policies/catalog.yaml", b"version: &v 1\nservers: {git: *v}\n"),
        "policies/catalog.yaml",
        "",
    ),
    "a tag in links": (put("policies/x.links.yaml", b"!!python/name:os.system\n"), "policies/x.links.yaml", ""),
    "a bomb in the mapping": (put("policies/identity.yaml", BOMB), "policies/identity.yaml", ""),
    "deep policies": (
        put("policies/d.cedar", b"permit (principal, action, resource) when { " + b"(" * 50_000),
        "policies/d.cedar",
        "",
    ),
    "deep conditions": (
        put("policies/d.cedar", b'@id("d") permit (principal, action, resource) when { ' + b"!" * 50_000 + b"true };"),
        "policies/d.cedar",
        "",
    ),
    "a deep schema": (put("schemas/git/deep.json", b'{"a":' * 50_000), "schemas/git/deep.json", ""),
    "a schema of numbers": (put("schemas/git/n.json", b"9" * 100_000), "schemas/git/n.json", ""),
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.timeout(20)
def test_a_hostile_file_is_refused_by_name_and_the_active_bundle_stays(scene: Scene, base: Path, harm: str) -> None:
    do, where, code = HARMS[harm]
    active = scene.active.bundle
    do(base)
    scene.look(2)
    assert (scene.trouble(), scene.active.failures) == ("bundle_refused", 1), scene.active.standing.error
    error = str(scene.active.standing.error)
    assert any(line.startswith(where) and line.endswith(f"{code}]") for line in error.split("\n")), error
    assert all(line.isprintable() for line in error.split("\n"))
    assert len(error) < 10_000
    assert (scene.active.bundle, scene.in_force()) == (active, (1, "one"))
    # A restart on it goes on with the last good one.
    scene.start()
    assert (scene.in_force(), scene.trouble()) == ((1, "one"), "bundle_refused")
    subprocess.run(["rm", "-rf", base / "policies", base / "schemas"], check=True)
    write(base, files("two"))
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((2, "two"), None)


@pytest.fixture
def nobodys(scene: Scene) -> Iterator[Scene]:
    """A scene in a folder of its own, in which this process has no rights but those of an owner.

    Another one was there before, since nobody may not read what Python loads when it is needed first.
    """
    with tempfile.TemporaryDirectory() as name:
        user, base = os.geteuid(), Path(name)
        if user == 0:
            os.chown(base, 65534, -1)
            os.seteuid(65534)
        try:
            write(base, files("one"))
            source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
            scene = Scene(base / "state", trust=None, source=source)
            scene.start()
            yield scene
        finally:
            os.seteuid(user)


def test_what_may_not_be_read_is_refused_since_its_policies_would_be_missing(nobodys: Scene) -> None:
    base = nobodys.state.parent
    write(base, {"policies/team/forbid.cedar": b'@id("x") forbid (principal, action, resource);'})
    for path, where in (
        ("policies/a.cedar", "policies/a.cedar: the file"),
        ("policies/team", "policies/team: the folder"),
        ("policies", f"{base}/policies: the folder"),
        ("schemas/git", "schemas/git: the folder"),
    ):
        mode = (base / path).stat().st_mode
        (base / path).chmod(0)
        nobodys.look()
        assert (nobodys.trouble(), nobodys.in_force()) == ("bundle_refused", (1, "one"))
        assert f"{where} cannot be read" in str(nobodys.active.standing.error)
        (base / path).chmod(mode)


def test_a_state_that_may_not_be_written_keeps_the_active_bundle(nobodys: Scene) -> None:
    nobodys.state.chmod(0o500)
    write(nobodys.state.parent, files("two"))
    nobodys.look(3)
    assert (nobodys.trouble(), nobodys.in_force(), nobodys.active.failures) == ("bundle_unkept", (1, "one"), 1)
    nobodys.state.chmod(0o700)
    nobodys.look()
    assert (nobodys.trouble(), nobodys.in_force()) == (None, (2, "two"))


@pytest.mark.parametrize("name", ["policies", "schemas"])
def test_a_folder_that_is_gone_or_a_file_is_told(scene: Scene, base: Path, name: str) -> None:
    (base / name).rename(base / "aside")
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    assert "directory_missing" in str(scene.active.standing.error)
    (base / name).write_text("a file")
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    (base / name).unlink()
    (base / "aside").rename(base / name)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (1, "one"))


def test_a_configured_folder_may_be_a_link_itself(scene: Scene, base: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", files("two"))
    (base / "policies").rename(tmp_path / "policies-1")
    (base / "policies").symlink_to(tmp_path / "policies-1")
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (1, "one"))
    (base / "policies").unlink()
    (base / "policies").symlink_to(tmp_path / "other" / "policies")
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (2, "two"))


def test_more_files_than_a_bundle_has_are_refused(scene: Scene, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LIMITS", ContentLimits(max_files=100))
    write(base, {f"policies/{number}.cedar": b"" for number in range(300)})
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    assert "too_many_files" in str(scene.active.standing.error)


def test_more_bytes_than_a_bundle_has_are_not_read(scene: Scene, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LIMITS", ContentLimits(max_bytes=10_000))
    write(base, {f"policies/{number}.cedar": b"/" * 1000 for number in range(100)})
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    assert "too_large" in str(scene.active.standing.error)


def test_very_many_entries_of_any_kind_are_not_walked(
    scene: Scene, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MAX_ENTRIES", 50)
    write(base, {f"policies/{number}.md": b"" for number in range(100)})
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    assert "too_many_files" in str(scene.active.standing.error)


def test_very_many_pipes_are_some_problems(scene: Scene, base: Path) -> None:
    for number in range(100):
        os.mkfifo(base / "policies" / f"{number}.cedar")
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    assert str(scene.active.standing.error).endswith("and 80 more, see `toolgate check`")


class Racing:
    """Fills the port `BundleSource` with a real folder that changes between the look and the reading of files."""

    def __init__(self, base: Path) -> None:
        self.source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
        self.name = self.source.name
        self.between: Iterator[Callable[[], object]] = iter(())

    def look(self) -> Sighting:
        return self.source.look()

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        for change in self.between:
            change()
            break
        return self.source.fetch(seen)


@pytest.fixture
def racing(base: Path, tmp_path: Path) -> tuple[Scene, Racing]:
    scene = Scene(tmp_path / "state", trust=None)
    source = scene.source = Racing(base)
    scene.start()
    scene.look()
    return scene, source


def test_what_changed_between_look_and_reading_does_not_stick(base: Path, racing: tuple[Scene, Racing]) -> None:
    scene, source = racing
    write(base, files("two"))
    source.between = iter([lambda: write(base, files("six"))])
    scene.look()
    assert scene.in_force()[1] in {"two", "six"}
    write(base, files("ten"))
    scene.look()
    assert scene.in_force()[1] == "ten"
    # Of the same size, at the same place, and back.
    source.between = iter([lambda: write(base, files("two")), lambda: write(base, files("one"))])
    write(base, files("six"))
    scene.look(3)
    assert scene.in_force()[1] == "one"


def test_what_changed_within_one_tick_of_the_clock_does_not_stick(base: Path, racing: tuple[Scene, Racing]) -> None:
    scene, source = racing
    path = base / "policies" / "a.cedar"
    status = path.stat()

    def write_unseen(name: str) -> None:
        """Into the same file, with the same size and the same time, as far as times can be set."""
        path.write_bytes(files(name)["policies/a.cedar"])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    write_unseen("six")
    scene.look()
    state = source.source.look().state
    write_unseen("ten")
    scene.look(2)
    assert scene.in_force()[1] == "ten"
    assert source.source.look().state != state


def test_a_file_that_becomes_a_link_between_look_and_reading_is_refused(
    base: Path, racing: tuple[Scene, Racing]
) -> None:
    scene, source = racing
    path = base / "policies" / "a.cedar"

    def swap() -> None:
        path.unlink()
        path.symlink_to("/etc/passwd")

    write(base, files("two"))
    source.between = iter([swap])
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_refused", (1, "one"))
    assert "policies/a.cedar: a source must be a regular file" in str(scene.active.standing.error)


def test_files_that_never_stop_changing_are_not_read_half(base: Path) -> None:
    source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
    stop = threading.Event()
    names = [base / "policies" / f"{number}.cedar" for number in range(200)]

    def churn() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            for path in names:
                path.write_bytes(b"// %d" % turn)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(5):
            try:
                found = source.fetch()
            except (SourceError, ConfigurationError):
                continue
            turns = sorted({int(raw[3:] or b"0") for path, raw in found.items() if raw.startswith(b"// ")})
            assert len(turns) <= 2, "all as they were at one moment, while one turn follows another"
    finally:
        stop.set()
        thread.join()


def test_a_folder_swapped_for_a_link_while_it_is_walked_leads_nowhere(base: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, {"secret.cedar": b"// secret"})
    write(base, {"policies/team/x.cedar": b"// mine"})
    source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
    stop = threading.Event()

    def swap() -> None:
        team, aside = base / "policies" / "team", base / "policies" / ".aside"
        while not stop.is_set():
            team.rename(aside)
            team.symlink_to(elsewhere)
            team.unlink()
            aside.rename(team)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(50):
            try:
                found = source.fetch()
            except (SourceError, ConfigurationError):
                continue
            assert b"// secret" not in found.values()
    finally:
        stop.set()
        thread.join()
