"""Several processes with one state folder: they agree on serials, and when one moves on, the others follow."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdp.core.bundle.admission import Newest
from pdp.core.bundle.content import content_digest, encode
from pdp.core.bundle.manifest import manifest_of
from pdp.core.bundle.trust import advanced
from pdp.core.contract.errors import BundleError
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.source import Sighting
from pdp.lifecycle.state import BundleState
from tests.signed_bundles import document, first_trust, head_of, signed_trust
from tests.unit.lifecycle.scene import Scene, files

FOLLOWER = Path(__file__).with_name("follower.py")


@dataclass
class Follower:
    process: "subprocess.Popen[str]"

    def ask(self, times: int = 1) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()

    def told(self) -> tuple[int, str, str | None]:
        assert self.process.stdout is not None
        serial, digest, trouble = json.loads(self.process.stdout.readline())
        return serial, digest, trouble

    def look(self) -> tuple[int, str, str | None]:
        self.ask()
        return self.told()


@contextmanager
def following(base: Path, state: Path) -> Iterator[Follower]:
    root = FOLLOWER.parents[3]
    process = subprocess.Popen(
        [sys.executable, FOLLOWER, base, state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=root,
        env={"PYTHONPATH": str(root)},
    )
    try:
        yield Follower(process)
    finally:
        process.communicate(timeout=20)


def write(base: Path, name: str) -> str:
    for path, raw in files(name).items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        aside = (base / path).with_name(".aside")
        aside.write_bytes(raw)
        aside.replace(base / path)
    return content_digest(files(name))


def test_processes_that_share_a_state_agree_while_their_folder_changes(tmp_path: Path) -> None:
    base, state = tmp_path / "repository", tmp_path / "state"
    one = write(base, "one")
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(following(base, state)) for _ in range(3))
        assert [each.look() for each in (first, second, third)] == [(1, one, None)] * 3
        two = write(base, "two")
        assert first.look() == second.look() == (2, two, None)
        # The third sees none of it: for it the content is what it was, by another number.
        write(base, "one")
        assert second.look() == (3, one, None)
        assert third.look() == first.look() == (3, one, None)
        # All at once, while it goes on changing.
        numbers: dict[int, str] = {}
        for turn in range(8):
            write(base, f"turn-{turn}")
            for each in (first, second, third):
                each.ask(3)
            write(base, f"then-{turn}")
            for each in (first, second, third):
                before = 0
                for _ in range(3):
                    serial, digest, trouble = each.told()
                    assert trouble in {None, "source_unavailable"}
                    assert numbers.setdefault(serial, digest) == digest
                    assert serial >= before
                    before = serial
        last = content_digest(files("then-7"))
        for each in (first, second, third):
            each.look()
        ends = {each.look() for each in (first, second, third)}
        assert [(digest, trouble) for _, digest, trouble in ends] == [(last, None)]


def scene_on(base: Path, state: Path) -> Scene:
    scene = Scene(state, trust=None)
    scene.source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
    scene.start()
    return scene


@dataclass
class Slow:
    """Fills the port `BundleSource`; something happens `meanwhile`, before what was read is used."""

    source: DirectorySource
    meanwhile: Callable[[], None]
    name: str = "slow"

    def look(self) -> Sighting:
        return self.source.look()

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        found = self.source.fetch(seen)
        self.meanwhile()
        return found


def test_who_was_numbered_between_gets_the_number_after_and_no_trouble(tmp_path: Path) -> None:
    """One has looked at content that another has replaced and numbered since."""
    base, state = tmp_path / "repository", tmp_path / "state"
    write(base, "one")
    here, there = scene_on(base, state), scene_on(base, state)

    def meanwhile() -> None:
        write(base, "three")
        there.look()

    here.source = Slow(DirectorySource(policies=base / "policies", schemas=base / "schemas"), meanwhile)
    here.start()
    assert here.trouble() is None
    assert there.in_force()[1] == "three"
    here.source = DirectorySource(policies=base / "policies", schemas=base / "schemas")
    here.start()
    there.look(2)
    assert here.in_force() == there.in_force()
    assert (here.in_force()[1], here.trouble(), there.trouble()) == ("three", None, None)


def test_a_signed_bundle_that_one_took_binds_the_other(tmp_path: Path) -> None:
    here = Scene(tmp_path / "state")
    here.channel.publish(files("one"), 1)
    here.start()
    there = Scene(tmp_path / "state")
    there.channel.publish(files("one"), 1)
    there.start()
    two = signed_trust(document(2, bundle=["second"]))
    here.channel.publish(files("two"), 7, by=["second"], chain=[two])
    here.look()
    there.channel.publish(files("old"), 6)
    there.look()
    assert (there.trouble(), there.in_force()) == ("bundle_untrusted", (1, "one"))
    there.channel.publish(files("other"), 7, by=["second"])
    there.look()
    assert (there.trouble(), there.in_force()) == ("bundle_untrusted", (1, "one"))
    there.channel.publish(files("two"), 7, by=["second"])
    there.look()
    assert (there.trouble(), there.in_force()) == (None, (7, "two"))


def test_what_is_kept_never_goes_back_whoever_is_slow(tmp_path: Path) -> None:
    state = BundleState(tmp_path)
    five, six = head_of(files("five"), serial=5), head_of(files("six"), serial=6)
    state.keep(six, encode(files("six")), active=Newest())
    with pytest.raises(BundleError, match="older"):
        state.keep(five, encode(files("five")), active=Newest())
    with pytest.raises(BundleError, match="two bundles"):
        state.keep(head_of(files("five"), serial=6), encode(files("five")), active=Newest())
    last = state.last_good()
    assert last is not None
    assert (last[0], dict(last[1])) == (six, files("six"))
    assert state.newest() == Newest(6, content_digest(files("six")))


def test_a_number_is_given_once_and_above_what_is_active(tmp_path: Path) -> None:
    state = BundleState(tmp_path)
    one, two = manifest_of(files("one"), serial=0), manifest_of(files("two"), serial=0)
    assert state.keep_numbered(one, encode(files("one")), active=Newest()).unverified().serial == 1
    assert state.keep_numbered(one, None, active=Newest()).unverified().serial == 1
    assert state.keep_numbered(two, encode(files("two")), active=Newest()).unverified().serial == 2
    assert state.keep_numbered(one, encode(files("one")), active=Newest(9, two.digest)).unverified().serial == 10
    assert state.keep_numbered(two, encode(files("two")), active=Newest(12, two.digest)).unverified().serial == 12


def test_a_shorter_way_to_the_keys_does_not_replace_a_longer_one(tmp_path: Path) -> None:
    state = BundleState(tmp_path)
    first = first_trust()
    second = advanced(first, [signed_trust(document(2))])
    third = advanced(second, [signed_trust(document(3))])
    state.keep_lineage([first, second, third])
    state.keep_lineage([first, second])
    assert [trust.number for trust in state.lineage(first)] == [1, 2, 3]
    assert [trust.number for trust in state.lineage(third)] == [3]
    other = advanced(first, [signed_trust(document(2, bundle=["other"]))])
    assert [trust.number for trust in state.lineage(other)] == [2]
