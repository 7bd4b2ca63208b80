"""What outlives a restart: serials, trust, the last good bundle; and what does not, once somebody changed it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pdp.core.bundle.content import encode
from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import trust_of
from pdp.core.contract.errors import BundleError, ConfigurationError, ToolgateError
from pdp.lifecycle.archive import ArchiveError
from pdp.lifecycle.source import SourceError
from tests.signed_bundles import document, head_of, signed_trust
from tests.unit.lifecycle.scene import Scene, broken, files

AWAY = SourceError("nobody answers")
TWO = signed_trust(document(2, bundle=["second"]))
THREE = signed_trust(document(3, bundle=["third"]))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """It has seen serial 5, and its source is away now."""
    scene = Scene(tmp_path / "state")
    scene.channel.publish(files("one"), 5)
    scene.start()
    scene.channel.away = AWAY
    scene.events()
    return scene


def content_file(scene: Scene) -> Path:
    (path,) = scene.state.glob("active.*.json")
    return path


def test_a_restart_without_the_source_goes_on_with_the_last_good_bundle_and_says_so(scene: Scene) -> None:
    scene.start()
    assert (scene.in_force(), scene.trouble()) == ((5, "one"), "source_unavailable")
    assert scene.events() == ["source_unavailable", "bundle_restored"]
    scene.channel.away = None
    before = scene.channel.fetched
    scene.look()
    assert (scene.in_force(), scene.trouble(), scene.channel.fetched) == ((5, "one"), None, before)


@pytest.mark.parametrize(
    ("content", "by", "trouble"),
    [(broken(), ["bundle"], "bundle_refused"), (files("evil"), ["stranger"], "bundle_untrusted")],
)
def test_a_restart_on_a_bad_bundle_goes_on_with_the_last_good_one(
    scene: Scene, content: dict[str, bytes], by: list[str], trouble: str
) -> None:
    scene.channel.away = None
    scene.channel.publish(content, 6, by=by)
    scene.start()
    assert (scene.in_force(), scene.trouble()) == ((5, "one"), trouble)
    scene.channel.publish(files("two"), 7)
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((7, "two"), None)


def test_a_restart_while_the_archive_fails_goes_on_with_the_last_good_one(scene: Scene) -> None:
    scene.channel.away = None
    scene.channel.publish(files("two"), 6)
    scene.archive.broken = ArchiveError("the disk is full")
    scene.start()
    assert (scene.in_force(), scene.trouble()) == ((5, "one"), "bundle_unkept")
    scene.archive.broken = None
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), None)


def test_nothing_older_comes_after_a_restart(scene: Scene) -> None:
    scene.channel.away = None
    for serial, name in ((4, "old"), (5, "other")):
        scene.channel.publish(files(name), serial)
        scene.start()
        assert (scene.in_force(), scene.trouble()) == ((5, "one"), "bundle_untrusted")


def test_a_key_that_was_withdrawn_is_none_after_a_restart(scene: Scene) -> None:
    scene.channel.away = None
    scene.channel.publish(files("two"), 6, by=["second"], chain=[TWO])
    scene.look()
    scene.start()
    scene.channel.publish(files("evil"), 7)
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), "bundle_untrusted")
    # Nor after a restart on it.
    scene.start()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), "bundle_untrusted")


def test_what_was_active_stays_although_its_key_was_withdrawn(scene: Scene) -> None:
    """As it does without a restart: it was signed by a key that was listed then."""
    scene.channel.away = None
    scene.channel.publish(files("evil"), 6, chain=[TWO])
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((5, "one"), "bundle_untrusted")
    scene.channel.away = AWAY
    scene.start()
    assert scene.in_force() == (5, "one")


def test_a_configured_root_of_trust_that_is_further_on_is_where_it_goes_on(scene: Scene) -> None:
    scene.channel.away = None
    scene.channel.publish(files("two"), 6, by=["third"], chain=[TWO, THREE])
    scene.look()
    # The operator ships version 2 now, and what it led to is not forgotten.
    scene.trust = trust_of(TWO)
    scene.start()
    scene.channel.publish(files("evil"), 7, by=["second"])
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), "bundle_untrusted")


def test_another_root_of_trust_starts_anew_but_never_goes_back(scene: Scene) -> None:
    scene.channel.away = None
    scene.trust = trust_of(signed_trust(document(root=["R"], bundle=["B"], freshness=["F"]), ["R"]))
    scene.channel.publish(files("two"), 6, by=["B"], stated_by=["F"])
    scene.start()
    assert scene.in_force() == (6, "two")
    scene.channel.publish(files("old"), 5, by=["B"], stated_by=["F"])
    scene.look()
    assert (scene.in_force(), scene.trouble()) == ((6, "two"), "bundle_untrusted")


def test_what_another_root_of_trust_never_listed_is_no_last_good_bundle(scene: Scene) -> None:
    scene.trust = trust_of(signed_trust(document(root=["R"], bundle=["B"], freshness=["F"]), ["R"]))
    with pytest.raises(SourceError):
        scene.start()
    assert scene.events() == ["source_unavailable", "bundle_not_restored"]


def swap_the_content(scene: Scene) -> None:
    content_file(scene).write_bytes(encode(files("evil")))


def swap_content_and_name(scene: Scene) -> None:
    head = head_of(files("evil"), serial=5, by=["stranger"])
    digest = head.unverified().digest.removeprefix("sha256:")
    (scene.state / f"active.{digest}.json").write_bytes(encode(files("evil")))
    (scene.state / "active.json").write_bytes(head.to_json())
    (scene.state / "serial.json").write_bytes(msgspec.json.encode({"serial": 5, "digest": f"sha256:{digest}"}))


def lead_out_of_the_folder(scene: Scene) -> None:
    text = (scene.state / "active.json").read_bytes()
    head = Head.from_json(text)
    outside = scene.state.parent / "outside.json"
    outside.write_bytes(encode(files("evil")))
    manifest = msgspec.structs.replace(head.unverified(), digest="../../outside")
    envelope = msgspec.structs.replace(
        head.manifest, payload=msgspec.json.decode(msgspec.json.encode(manifest.to_json()))
    )
    (scene.state / "active.json").write_bytes(msgspec.structs.replace(head, manifest=envelope).to_json())


def write(name: str, content: bytes) -> Callable[[Scene], None]:
    def change(scene: Scene) -> None:
        path = content_file(scene) if name == "content" else scene.state / name
        path.write_bytes(content)

    return change


def truncate(name: str) -> Callable[[Scene], None]:
    def change(scene: Scene) -> None:
        path = content_file(scene) if name == "content" else scene.state / name
        path.write_bytes(path.read_bytes()[:-10])

    return change


@pytest.mark.parametrize(
    "change",
    [
        swap_the_content,
        swap_content_and_name,
        lead_out_of_the_folder,
        truncate("content"),
        truncate("active.json"),
        truncate("serial.json"),
        write("content", b""),
        write("content", b"\xff\xfe"),
        write("active.json", b""),
        write("active.json", b"\xff\xfe"),
        write("active.json", b"{}"),
        write("serial.json", b""),
        write("serial.json", b"\xff\xfe"),
        write("serial.json", b'{"serial":-1,"digest":""}'),
        write("serial.json", b'{"serial":0,"digest":""}'),
        write("serial.json", b'{"serial":4,"digest":"sha256:x"}'),
        write("serial.json", b'{"serial":5,"digest":"sha256:x"}'),
        write("serial.json", b'{"serial":9007199254740993,"digest":"sha256:x"}'),
        write("serial.json", b'{"serial":"5","digest":"sha256:x"}'),
        write("trust.json", b""),
        write("trust.json", b"\xff\xfe"),
        write("trust.json", b"[]"),
    ],
    ids=range(22),
)
def test_a_last_good_bundle_that_somebody_changed_is_none(scene: Scene, change: Callable[[Scene], None]) -> None:
    change(scene)
    with pytest.raises(ToolgateError):
        scene.start()
    assert "bundle_restored" not in scene.events()


def test_a_last_good_bundle_whose_head_or_content_is_gone_is_none(scene: Scene) -> None:
    aside = scene.state.with_name("aside")
    shutil.copytree(scene.state, aside)
    for name in ("content", "active.json"):
        (content_file(scene) if name == "content" else scene.state / name).unlink()
        with pytest.raises(SourceError):
            scene.start()
        shutil.rmtree(scene.state)
        shutil.copytree(aside, scene.state)
    scene.start()
    assert scene.in_force() == (5, "one")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"serial":-7,"digest":""}', b"[]"])
def test_serials_that_cannot_be_read_refuse_instead_of_counting_anew(scene: Scene, content: bytes) -> None:
    (scene.state / "serial.json").write_bytes(content)
    scene.channel.away = None
    scene.channel.publish(files("old"), 2)
    with pytest.raises(ConfigurationError) as refused:
        scene.start()
    assert [(problem.code, Path(problem.file).name) for problem in refused.value.problems] == [
        ("state_unusable", "serial.json")
    ]


def test_a_root_of_trust_that_somebody_put_there_is_not_believed(scene: Scene) -> None:
    evil = signed_trust(document(2, root=["evil"], bundle=["evil"], freshness=["evil"]), ["evil"])
    kept = [signed_trust(document())]
    for versions in ([*kept, evil], [evil]):
        (scene.state / "trust.json").write_bytes(msgspec.json.encode({"versions": versions}))
        scene.channel.away = None
        scene.channel.publish(files("evil"), 6, by=["evil"], stated_by=["evil"])
        try:
            scene.start()
        except ConfigurationError:
            continue
        assert (scene.in_force(), scene.trouble()) == ((5, "one"), "bundle_untrusted")


def test_trust_that_cannot_be_read_refuses(scene: Scene) -> None:
    (scene.state / "trust.json").write_bytes(b"{}")
    scene.channel.away = None
    with pytest.raises(ConfigurationError) as refused:
        scene.start()
    assert [Path(problem.file).name for problem in refused.value.problems] == ["trust.json"]


def test_a_message_about_the_state_is_one_harmless_line(scene: Scene) -> None:
    (scene.state / "serial.json").write_bytes(b'{"\\n\\u001b[31m' + b"x" * 100_000 + b'":1}')
    with pytest.raises(SourceError):
        scene.start()
    scene.channel.away = None
    with pytest.raises(ConfigurationError) as refused:
        scene.start()
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000


def test_a_state_that_is_lost_while_it_runs_takes_nothing_back(scene: Scene) -> None:
    scene.channel.away = None
    scene.channel.publish(files("two"), 6, by=["second"], chain=[TWO])
    scene.look()
    shutil.rmtree(scene.state)
    for serial, name, by in ((4, "old", "second"), (6, "other", "second"), (7, "evil", "bundle")):
        scene.channel.publish(files(name), serial, by=[by])
        scene.look()
        assert (scene.in_force(), scene.trouble()) == ((6, "two"), "bundle_untrusted"), serial
    scene.channel.publish(files("three"), 7, by=["second"], chain=[])
    scene.look()
    assert scene.in_force() == (7, "three")
    # And what it writes then is whole again.
    scene.channel.away = AWAY
    scene.start()
    assert scene.in_force() == (7, "three")


def test_nothing_that_is_kept_can_be_read_by_others(scene: Scene) -> None:
    assert scene.state.stat().st_mode & 0o077 == 0
    for path in scene.state.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_only_the_active_content_is_kept_beside_it(scene: Scene) -> None:
    scene.channel.away = None
    for serial in (6, 7, 8):
        scene.channel.publish(files(f"n{serial}"), serial)
        scene.look()
    assert sorted(path.name for path in scene.state.iterdir()) == sorted(
        ["active.json", content_file(scene).name, "bundle.lock", "serial.json"]
    )
    assert json.loads((scene.state / "serial.json").read_bytes())["serial"] == 8


def test_a_start_that_was_refused_does_not_count(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "state")
    scene.channel.publish(files("evil"), 9, by=["stranger"])
    with pytest.raises(BundleError):
        scene.start()
    scene.channel.publish(files("one"), 1)
    scene.start()
    assert scene.in_force() == (1, "one")
