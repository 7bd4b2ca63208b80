"""What goes wrong between a source and activation: the last good bundle decides, it is told once, and it passes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pdp.core.contract.errors import BundleError, ConfigurationError, Problem
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.archive import ArchiveError
from pdp.lifecycle.source import Sighting, SourceError
from pdp.lifecycle.standing import ActivationError
from tests.signed_bundles import NOW, document, head_of, signed_trust
from tests.unit.lifecycle.scene import MemoryChannel, Scene, broken, files


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path / "state")
    scene.channel.publish(files("one"), 1)
    scene.start()
    scene.events()
    return scene


def go_away(scene: Scene) -> None:
    scene.channel.away = SourceError("nobody answers")


def publish_broken(scene: Scene) -> None:
    scene.channel.publish(broken(), 2)


def publish_unsigned(scene: Scene) -> None:
    scene.channel.publish(files("evil"), 2, by=["stranger"])


def break_the_archive(scene: Scene) -> None:
    scene.archive.broken = ArchiveError("the disk is full")
    scene.channel.publish(files("two"), 2)


def lose_the_state(scene: Scene) -> None:
    scene.state.rename(scene.state.with_name("aside"))
    scene.state.write_text("a file where a folder must be")
    scene.channel.publish(files("two"), 2)


def fail_unforeseen(scene: Scene) -> None:
    scene.channel.away = RecursionError("something nobody thought of")


def mend(scene: Scene) -> None:
    scene.channel.away = scene.archive.broken = None
    if scene.state.is_file():
        scene.state.unlink()
        scene.state.with_name("aside").rename(scene.state)


@pytest.mark.parametrize(
    ("cause", "trouble"),
    [
        (go_away, "source_unavailable"),
        (publish_broken, "bundle_refused"),
        (publish_unsigned, "bundle_untrusted"),
        (break_the_archive, "bundle_unkept"),
        (lose_the_state, "bundle_unkept"),
        (fail_unforeseen, "activation_failed"),
    ],
)
def test_a_trouble_is_told_and_counted_once_and_passes(
    scene: Scene, cause: Callable[[Scene], None], trouble: str
) -> None:
    cause(scene)
    scene.look(3)
    assert (scene.trouble(), scene.active.failures, scene.events()) == (trouble, 1, [trouble])
    assert scene.in_force() == (1, "one")
    mend(scene)
    scene.channel.publish(files("three"), 3)
    scene.look()
    assert (scene.trouble(), scene.active.failures, scene.events()) == (None, 1, ["bundle_activated"])
    assert scene.in_force() == (3, "three")


@pytest.mark.parametrize("cause", [go_away, break_the_archive, lose_the_state, fail_unforeseen])
def test_what_is_not_the_bundles_fault_passes_with_the_same_bundle(
    scene: Scene, cause: Callable[[Scene], None]
) -> None:
    head = scene.channel.publish(files("two"), 2)
    cause(scene)
    scene.channel.put(head, files("two"))
    scene.look()
    assert scene.in_force() == (1, "one")
    mend(scene)
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((2, "two"), None)


@pytest.mark.parametrize("cause", [go_away, publish_broken, publish_unsigned, fail_unforeseen])
def test_a_source_that_comes_back_to_the_active_bundle_is_well_at_once(
    scene: Scene, cause: Callable[[Scene], None]
) -> None:
    good = scene.channel.heads["current"]
    cause(scene)
    scene.look()
    mend(scene)
    scene.time.passes(30)
    scene.channel.put(good, files("one"))
    scene.look()
    assert (scene.trouble(), scene.active.confirmed_ago()) == (None, 0.0)
    assert scene.channel.fetched <= 2


def test_what_was_never_confirmed_is_not(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.channel.publish(files("one"), 1)
    scene.start()
    assert scene.active.confirmed_ago() == 0.0
    go_away(scene)
    scene.time.passes(7)
    scene.look()
    assert scene.active.confirmed_ago() == 7.0
    restarted = Scene(tmp_path, scene.channel)
    restarted.start()
    assert (restarted.in_force(), restarted.active.confirmed_ago()) == ((1, "one"), None)


@pytest.mark.parametrize(
    ("cause", "confirmed_ago"),
    [
        (go_away, 20.0),
        (publish_unsigned, 20.0),
        (fail_unforeseen, 20.0),
        (break_the_archive, 20.0),
        (publish_broken, 0.0),
    ],
)
def test_a_source_is_confirmed_by_what_cannot_be_used_but_not_by_what_must_not_be_believed(
    scene: Scene, cause: Callable[[Scene], None], confirmed_ago: float
) -> None:
    scene.time.passes(10)
    cause(scene)
    scene.look()
    scene.time.passes(10)
    scene.look()
    assert scene.active.confirmed_ago() == confirmed_ago


def test_another_problem_is_told_and_counted_again(scene: Scene) -> None:
    scene.channel.publish(broken(), 2)
    scene.look(2)
    scene.channel.publish({**files("x"), "policies/b.cedar": b'@id("x") permit (principal, action, resource);'}, 3)
    scene.look(2)
    go_away(scene)
    scene.look(2)
    assert (scene.active.failures, scene.events()) == (3, ["bundle_refused", "bundle_refused", "source_unavailable"])


def test_a_broken_bundle_is_fetched_and_compiled_once(scene: Scene) -> None:
    before = scene.channel.fetched
    scene.channel.publish(broken(), 2)
    scene.look(5)
    go_away(scene)
    scene.look(2)
    mend(scene)
    scene.look(5)
    assert scene.channel.fetched == before + 1
    assert (scene.trouble(), "policies/a.cedar:1" in str(scene.active.standing.error)) == ("bundle_refused", True)


def test_a_bundle_that_cannot_be_kept_is_fetched_and_compiled_once(scene: Scene) -> None:
    before = scene.channel.fetched
    break_the_archive(scene)
    scene.look(5)
    mend(scene)
    scene.look()
    assert (scene.in_force(), scene.channel.fetched) == ((2, "two"), before + 1)


def test_a_download_that_was_broken_once_is_tried_again(scene: Scene) -> None:
    head = scene.channel.publish(files("two"), 2)
    scene.channel.put(head, files("two"))
    scene.channel.contents[head.unverified().digest] = b"<html>an error page</html>"
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", (1, "one"))
    scene.channel.put(head, files("two"))
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (2, "two"))


def test_a_head_from_the_future_is_believed_once_it_is_not(scene: Scene) -> None:
    scene.channel.publish(files("two"), 2, now=NOW + 120)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", (1, "one"))
    scene.time.passes(90)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (2, "two"))


def test_only_some_of_very_many_problems_are_told(scene: Scene) -> None:
    many = {f"policies/{number}.cedar": b"permit (" for number in range(100)}
    scene.channel.publish(many, 2)
    scene.look()
    assert scene.trouble() == "bundle_refused"
    lines = str(scene.active.standing.error).split("\n")
    assert (len(lines), lines[-1]) == (21, "and 80 more, see `toolgate check`")


def test_a_listener_hears_of_each_look(scene: Scene) -> None:
    heard: list[str | None] = []
    scene.active.subscribe(lambda: heard.append(scene.trouble()))
    scene.look()
    go_away(scene)
    scene.look()
    assert heard == [None, "source_unavailable"]


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (go_away, SourceError),
        (publish_broken, ConfigurationError),
        (publish_unsigned, BundleError),
        (break_the_archive, ArchiveError),
        (fail_unforeseen, ActivationError),
        (lambda scene: scene.channel.heads.clear(), SourceError),
    ],
)
def test_a_first_start_without_a_usable_bundle_is_refused_with_the_cause(
    tmp_path: Path, cause: Callable[[Scene], None], error: type[Exception]
) -> None:
    scene = Scene(tmp_path / "state")
    cause(scene)
    with pytest.raises(error):
        scene.start()
    # What was refused leaves nothing that a later start would fall over.
    mend(scene)
    scene.channel.publish(files("one"), 2)
    scene.start()
    assert scene.in_force() == (2, "one")


class Odd:
    """Fills the port `BundleSource` with whatever a defect or an attacker makes of it."""

    name = "odd"

    def __init__(self, seen: Sighting | Exception, found: Mapping[str, bytes] | Exception) -> None:
        self.seen = seen
        self.found = found

    def look(self) -> Sighting:
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


HEAD = head_of(files("two"), serial=2)
PROBLEM = ConfigurationError([Problem("policies", 0, 0, "gone", "it is gone")])


@pytest.mark.parametrize(
    ("seen", "found", "trouble"),
    [
        (Sighting("x"), files("evil"), "bundle_untrusted"),
        (Sighting("x", serial=9), files("evil"), "bundle_untrusted"),
        (Sighting("x", head=HEAD), SourceError("gone"), "source_unavailable"),
        (Sighting("x", head=HEAD), OSError("gone"), "activation_failed"),
        (Sighting("x", head=HEAD), {"../evil.cedar": b""}, "bundle_refused"),
        (Sighting("x", head=HEAD), {"policies/a.cedar": b"\xff"}, "bundle_refused"),
        (Sighting("x", head=HEAD), PROBLEM, "bundle_refused"),
        (PROBLEM, {}, "bundle_refused"),
        (BundleError(ReasonCode.BUNDLE_UNTRUSTED, "no head"), {}, "bundle_untrusted"),
        (ValueError("a defect"), {}, "activation_failed"),
        (MemoryError(), {}, "activation_failed"),
    ],
)
def test_whatever_a_source_does_the_active_bundle_stays(
    tmp_path: Path, seen: Sighting | Exception, found: Mapping[str, bytes] | Exception, trouble: str
) -> None:
    scene = Scene(tmp_path)
    source = Odd(Sighting("first", head=head_of(files("one"))), files("one"))
    scene.source = source
    scene.start()
    source.seen, source.found = seen, found
    scene.look(2)
    assert (scene.trouble(), scene.in_force(), scene.active.failures) == (trouble, (1, "one"), 1)


def test_a_source_that_brings_other_files_than_its_head_names_is_not_believed(tmp_path: Path) -> None:
    """Also where the source itself did not look."""
    scene = Scene(tmp_path)
    source = Odd(Sighting("first", head=head_of(files("one"))), files("one"))
    scene.source = source
    scene.start()
    source.seen, source.found = Sighting("x", head=HEAD), files("evil")
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", (1, "one"))


def test_a_channel_without_anything_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, MemoryChannel())
    with pytest.raises(SourceError, match="toolgate publish"):
        scene.start()


def test_trust_is_not_needed_where_none_is_configured(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trust=None)
    scene.channel.publish(files("one"), 4, by=[], now=None)
    scene.start()
    scene.channel.publish(files("old"), 3, by=[], now=None)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", (4, "one"))
    scene.channel.publish(files("other"), 4, by=[], now=None)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", (4, "one"))
    chain = [signed_trust(document(2))]
    scene.channel.publish(files("new"), 5, by=[], now=None, chain=chain)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (5, "new"))
