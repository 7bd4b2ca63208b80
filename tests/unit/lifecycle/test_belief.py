"""What a decision point believes of a channel: never back, never two for one, never a key that it knows withdrawn."""

from pathlib import Path

import pytest

from pdp.core.bundle.content import encode
from pdp.core.bundle.head import Head
from tests.signed_bundles import document, first_trust, head_of, signed_manifest, signed_trust
from tests.unit.lifecycle.scene import Scene, files

TWO = signed_trust(document(2, bundle=["second"]))
THREE = signed_trust(document(3, bundle=["third"]))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path / "state")
    scene.channel.publish(files("one"), 5)
    scene.start()
    scene.events()
    return scene


def untrusted(scene: Scene, *, stays: tuple[int, str] = (5, "one")) -> str:
    scene.look()
    assert (scene.trouble(), scene.in_force()) == ("bundle_untrusted", stays)
    return str(scene.active.standing.error)


def test_an_older_bundle_is_refused(scene: Scene) -> None:
    scene.channel.publish(files("old"), 4)
    assert "older" in untrusted(scene)


def test_one_serial_with_two_digests_is_refused(scene: Scene) -> None:
    scene.channel.publish(files("other"), 5)
    assert "two bundles have one serial" in untrusted(scene)


def test_content_that_comes_back_has_a_new_serial(scene: Scene) -> None:
    scene.channel.publish(files("two"), 6)
    scene.look()
    scene.channel.publish(files("one"), 7)
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((7, "one"), None)


def test_a_mixture_of_two_bundles_is_refused_and_names_a_file(scene: Scene) -> None:
    two, three = files("two"), {**files("three"), "policies/b.cedar": b'@id("b") forbid (principal, action, resource);'}
    head = head_of(three, serial=6)
    for mixed in ({**three, "policies/a.cedar": two["policies/a.cedar"]}, two, {**three, "policies/c.cedar": b""}):
        scene.channel.heads["current"] = head
        scene.channel.contents[head.unverified().digest] = encode(mixed)
        assert "`policies/" in untrusted(scene)


def test_a_manifest_of_one_and_a_statement_of_another_are_refused(scene: Scene) -> None:
    six, seven = head_of(files("six"), serial=6), head_of(files("seven"), serial=7)
    scene.channel.put(Head(six.manifest, seven.freshness), files("six"))
    untrusted(scene)


def test_a_stolen_key_that_was_withdrawn_signs_nothing(scene: Scene) -> None:
    scene.channel.publish(files("two"), 6, by=["second"], chain=[TWO])
    scene.look()
    assert scene.in_force() == (6, "two")
    for chain in ((), (TWO,), (signed_trust(document(2), ["bundle"]),)):
        scene.channel.publish(files("evil"), 7, chain=chain)
        untrusted(scene, stays=(6, "two"))


def test_a_withdrawal_counts_although_what_came_with_it_did_not(scene: Scene) -> None:
    scene.channel.publish(files("broken"), 6, by=["stranger"], chain=[TWO])
    untrusted(scene)
    scene.channel.publish(files("evil"), 7)
    untrusted(scene)
    scene.channel.publish(files("two"), 6, by=["second"])
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), None)


def test_a_withdrawal_counts_although_a_later_version_is_not_believed(scene: Scene) -> None:
    forged = signed_trust(document(3, bundle=["evil"]), ["evil"])
    scene.channel.publish(files("evil"), 6, by=["evil"], chain=[TWO, forged])
    untrusted(scene)
    scene.channel.publish(files("evil"), 7)
    untrusted(scene)


def test_keys_rotate_twice_while_nobody_looked(scene: Scene) -> None:
    scene.channel.publish(files("two"), 6, by=["third"], chain=[THREE, TWO])
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), None)
    assert scene.events() == ["trust_advanced", "trust_advanced", "bundle_activated"]


def test_who_reads_the_head_after_us_gets_the_way_to_its_keys(scene: Scene) -> None:
    scene.channel.publish(files("two"), 6, by=["second"], chain=[TWO])
    scene.look()
    assert scene.active.head.trust == (first_trust().envelope, TWO)
    scene.channel.publish(files("three"), 7, by=["second"])
    scene.look()
    assert scene.active.head.trust == (first_trust().envelope, TWO)


def test_a_rotation_alone_compiles_nothing(scene: Scene) -> None:
    before, bundle = scene.channel.fetched, scene.active.bundle
    scene.channel.publish(files("one"), 5, by=["second"], chain=[TWO])
    scene.look()
    assert (scene.trouble(), scene.in_force(), scene.channel.fetched) == (None, (5, "one"), before)
    assert scene.active.bundle.compiled is bundle.compiled


def test_the_same_content_under_a_new_serial_compiles_nothing(scene: Scene) -> None:
    before, bundle = scene.channel.fetched, scene.active.bundle
    scene.channel.publish(files("one"), 6)
    scene.look()
    assert (scene.trouble(), scene.in_force(), scene.channel.fetched) == (None, (6, "one"), before)
    assert scene.active.bundle.compiled is bundle.compiled
    assert scene.events() == ["bundle_activated"]


def test_a_bundle_without_a_statement_is_enough_where_no_age_is_asked_for(scene: Scene) -> None:
    scene.channel.publish(files("two"), 6, now=None)
    scene.look()
    assert (scene.trouble(), scene.in_force()) == (None, (6, "two"))
    scene.time.passes(50)
    scene.look()
    assert scene.active.age() == 0.0


def test_an_unsigned_head_is_none(scene: Scene) -> None:
    head = scene.channel.publish(files("evil"), 6, by=[])
    untrusted(scene)
    scene.channel.put(Head(head.manifest), files("evil"))
    untrusted(scene)


def test_signatures_for_another_purpose_count_for_nothing(scene: Scene) -> None:
    written = head_of(files("evil"), serial=6).unverified()
    for by in ("freshness", "root"):
        scene.channel.put(Head(signed_manifest(written, [by])), files("evil"))
        untrusted(scene)


def test_the_last_serial_is_not_overrun(scene: Scene) -> None:
    scene.channel.publish(files("last"), 2**53 - 1)
    scene.look()
    assert scene.in_force() == (2**53 - 1, "last")
    scene.start()
    assert scene.in_force() == (2**53 - 1, "last")


def test_each_bundle_that_is_believed_unsigned_is_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state", trust=None)
    scene.channel.publish(files("one"), 5, by=["nobody"])
    scene.start()
    scene.look(3)
    assert scene.events() == ["unsafe_unsigned", "bundle_activated"]
    scene.channel.publish(files("two"), 6, by=["nobody"])
    scene.look(3)
    assert scene.events() == ["unsafe_unsigned", "bundle_activated"]
