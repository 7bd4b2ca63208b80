"""How old a bundle may be: from its publisher's statement, or from the last look where nobody states it."""

from pathlib import Path

import pytest

from pdp.core.contract.errors import BundleError
from pdp.lifecycle.source import SourceError
from tests.signed_bundles import NOW
from tests.unit.lifecycle.scene import Scene, broken, files


def signed(folder: Path) -> Scene:
    scene = Scene(folder, max_age=60.0)
    scene.channel.publish(files("one"), 1)
    scene.start()
    return scene


def unsigned(folder: Path) -> Scene:
    scene = Scene(folder, max_age=60.0, trust=None)
    scene.channel.publish(files("one"), 1, by=[], now=None)
    scene.start()
    return scene


def test_a_bundle_decides_for_as_long_as_its_statement_allows(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.time.passes(60)
    scene.look()
    assert (scene.active.age(), scene.is_stale()) == (60.0, False)
    scene.time.passes(1)
    scene.look()
    assert (scene.active.age(), scene.is_stale(), scene.trouble()) == (61.0, True, None)
    assert scene.active.bundle.manifest.serial == 1
    scene.channel.publish(files("one"), 1, now=NOW + 61)
    scene.look()
    assert (scene.active.age(), scene.is_stale()) == (0.0, False)


def test_a_renewed_statement_costs_no_compile_and_no_download(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.events()
    before, bundle, puts = scene.channel.fetched, scene.active.bundle, scene.archive.puts
    for _ in range(5):
        scene.time.passes(50)
        scene.channel.publish(files("one"), 1, now=scene.time.wall)
        scene.look()
        assert (scene.active.age(), scene.is_stale()) == (0.0, False)
    assert (scene.channel.fetched, scene.archive.puts, scene.events()) == (before, puts, [])
    assert scene.active.bundle.compiled is bundle.compiled


def test_a_renewal_outlives_a_restart(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.time.passes(50)
    scene.channel.publish(files("one"), 1, now=scene.time.wall)
    scene.look()
    scene.channel.away = SourceError("nobody answers")
    scene.time.passes(50)
    scene.start()
    assert (scene.active.age(), scene.is_stale()) == (50.0, False)
    scene.time.passes(11)
    assert scene.is_stale()


def test_an_older_statement_makes_nothing_older(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.time.passes(50)
    newest = scene.channel.publish(files("one"), 1, now=NOW + 50)
    scene.look()
    scene.channel.publish(files("one"), 1, now=NOW)
    scene.look(2)
    assert (scene.active.age(), scene.trouble(), scene.active.head.freshness) == (0.0, None, newest.freshness)
    scene.channel.publish(files("one"), 1, now=NOW + 40)
    scene.look()
    assert scene.active.age() == 0.0


def test_a_statement_from_the_future_is_none_and_one_just_ahead_is_of_now(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.channel.publish(files("two"), 2, now=NOW + 61)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", (1, "one"))
    scene.channel.publish(files("two"), 2, now=NOW + 59)
    scene.look()
    assert (scene.trouble(), scene.in_force(), scene.active.age()) == (None, (2, "two"), 0.0)
    scene.time.passes(60)
    assert not scene.is_stale()
    scene.time.passes(1)
    assert scene.is_stale()


def test_an_age_asks_for_a_statement(tmp_path: Path) -> None:
    scene = Scene(tmp_path, max_age=60.0)
    scene.channel.publish(files("one"), 1, now=None)
    with pytest.raises(BundleError, match="max_age"):
        scene.start()


def test_what_is_confirmed_of_a_signed_source_is_not_that_it_is_the_newest(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.time.passes(61)
    scene.look()
    assert (scene.active.confirmed_ago(), scene.is_stale()) == (0.0, True)


def test_a_bundle_that_must_not_be_used_does_not_lend_its_statement(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.time.passes(61)
    scene.channel.publish(broken(), 2, now=scene.time.wall)
    scene.look()
    assert (scene.trouble(), scene.is_stale()) == ("bundle_refused", True)


def test_an_unsigned_source_is_as_fresh_as_the_last_look(tmp_path: Path) -> None:
    scene = unsigned(tmp_path)
    for _ in range(3):
        scene.time.passes(60)
        scene.look()
        assert (scene.active.age(), scene.is_stale()) == (0.0, False)
    scene.channel.away = SourceError("nobody answers")
    scene.time.passes(61)
    scene.look()
    assert (scene.active.age(), scene.is_stale(), scene.trouble()) == (61.0, True, "source_unavailable")
    scene.channel.away = None
    scene.look()
    assert not scene.is_stale()


def test_an_unsigned_bundle_that_was_restored_is_of_no_known_age(tmp_path: Path) -> None:
    scene = unsigned(tmp_path)
    scene.channel.away = SourceError("nobody answers")
    scene.start()
    assert (scene.active.age(), scene.is_stale()) == (float("inf"), True)
    scene.channel.away = None
    scene.look()
    assert not scene.is_stale()


def test_a_signed_bundle_that_was_restored_on_a_broken_one_is_as_old_as_it_is(tmp_path: Path) -> None:
    scene = signed(tmp_path)
    scene.time.passes(61)
    scene.channel.publish(broken(), 2, now=scene.time.wall)
    scene.start()
    assert (scene.trouble(), scene.active.age(), scene.is_stale()) == ("bundle_refused", 61.0, True)


def test_a_signed_bundle_without_a_believable_statement_is_of_no_known_age(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.channel.publish(files("one"), 1, now=None)
    scene.start()
    scene.channel.away = SourceError("nobody answers")
    scene.max_age = 60.0
    scene.start()
    assert (scene.in_force(), scene.is_stale()) == ((1, "one"), True)


def test_no_clock_that_is_set_back_makes_a_bundle_younger(tmp_path: Path) -> None:
    for scene in (signed(tmp_path / "a"), unsigned(tmp_path / "b")):
        scene.channel.away = SourceError("nobody answers")
        scene.time.wall -= 10_000
        scene.time.steady += 61
        assert scene.is_stale()


def test_a_clock_that_stood_still_in_a_suspended_machine_makes_no_bundle_younger(tmp_path: Path) -> None:
    for scene in (signed(tmp_path / "a"), unsigned(tmp_path / "b")):
        scene.channel.away = SourceError("nobody answers")
        scene.time.wall += 61
        assert scene.is_stale()
