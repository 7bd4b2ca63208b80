from pathlib import Path

import pytest

from pdp.core.bundle.admission import Newest, admit
from pdp.core.bundle.bundle import Bundle
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import Head, checked_files
from pdp.core.bundle.manifest import MAX_SERIAL, PAYLOAD_TYPE, manifest_of
from pdp.core.contract.errors import BundleError, ConfigurationError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.channel import CANARY, CURRENT, ConflictError
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.publish import FailedTestsError, Origin, Step, earlier, fetched
from pdp.lifecycle.remembered import Remembered
from pdp.lifecycle.signing import Signer
from tests.unit.lifecycle.publishing import FILES, NOW, OTHERS, Desk, key, passing, root_of_trust, rotated


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "channel")


def published(desk: Desk, name: str = CURRENT) -> Head:
    head = desk.channel.head(name)
    assert head is not None
    return head


def test_what_is_published_is_believed_by_who_trusts_the_keys(desk: Desk) -> None:
    desk.publish()
    assert desk.trust is not None
    admitted = admit(published(desk), trust=desk.trust, newest=Newest(), now=NOW)
    assert (admitted.manifest.serial, admitted.fresh_at) == (1, NOW)
    assert checked_files(admitted.manifest, desk.channel.content(admitted.manifest.digest)) == FILES


def test_the_steps_are_told_in_their_order(desk: Desk) -> None:
    desk.publish()
    assert [step for step, _ in desk.told] == [Step.COMPILE, Step.TEST, Step.NUMBER, Step.SIGN, Step.ACTIVATE]


def test_serials_go_up_and_what_was_published_stays_under_its_own(desk: Desk) -> None:
    desk.publish(FILES)
    desk.publish(OTHERS)
    assert published(desk).unverified().serial == 2
    first = desk.channel.of_serial(1)
    assert first is not None
    assert checked_files(first.unverified(), desk.channel.content(first.unverified().digest)) == FILES


def test_a_rollback_is_old_content_under_a_new_serial_and_says_so(desk: Desk) -> None:
    desk.publish(FILES)
    desk.publish(OTHERS)
    origin = earlier(desk.channel, "1", signer=desk.publisher().signer)
    assert origin.files == FILES
    desk.publish(origin.files, rollback=origin.rollback)
    manifest = published(desk).unverified()
    assert (manifest.serial, manifest.rollback, manifest.digest) == (3, "1", manifest_of(FILES, serial=1).digest)


def test_a_rollback_by_digest_needs_no_signature_of_then(desk: Desk) -> None:
    first = desk.publish(FILES).manifest.digest
    desk.publish(OTHERS)
    assert earlier(desk.channel, first, signer=desk.publisher().signer).files == FILES


@pytest.mark.parametrize("to", ["7", "0", "-1", "x", "", "1 ", "\u0661"])
def test_a_rollback_to_what_was_never_published_says_what_to_name(desk: Desk, to: str) -> None:
    desk.publish()
    with pytest.raises(UnusableError, match="name a serial, or a digest"):
        earlier(desk.channel, to, signer=desk.publisher().signer)


def test_a_rollback_to_what_a_withdrawn_key_signed_is_refused(desk: Desk) -> None:
    desk.publish(FILES)
    assert desk.trust is not None
    desk.trust, desk.keys = rotated(desk.trust, to=[key("two")], by=[key("one")]), [key("two")]
    desk.publish(OTHERS)
    with pytest.raises(BundleError) as refused:
        earlier(desk.channel, "1", signer=desk.publisher().signer)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


def test_the_same_content_gets_no_new_serial_and_is_said_to_be_the_newest_again(desk: Desk) -> None:
    desk.publish()
    desk.now += 60
    desk.publish()
    assert desk.trust is not None
    admitted = admit(published(desk), trust=desk.trust, newest=Newest(), now=desk.now)
    assert (admitted.manifest.serial, admitted.fresh_at) == (1, NOW + 60)


def test_the_same_content_is_signed_anew_once_its_key_is_withdrawn(desk: Desk) -> None:
    desk.publish()
    assert desk.trust is not None
    old = desk.trust
    desk.trust, desk.keys = rotated(old, to=[key("two")], by=[key("one")]), [key("two")]
    desk.publish()
    admitted = admit(published(desk), trust=old, newest=Newest(), now=NOW)
    assert (admitted.manifest.serial, admitted.trust.number) == (2, 2)


def test_what_does_not_compile_or_fails_its_tests_publishes_nothing(desk: Desk) -> None:
    def failing(bundle: Bundle) -> str:
        raise FailedTestsError(["FAIL"])

    with pytest.raises(ConfigurationError):
        desk.publish({"policies/a.cedar": b"permit ("})
    with pytest.raises(FailedTestsError):
        desk.publisher().prepare(Origin(FILES), tests=failing)
    assert desk.channel.head() is None


def test_preparing_publishes_nothing(desk: Desk) -> None:
    desk.publisher().prepare(Origin(FILES), tests=passing)
    assert not desk.folder.exists()


def test_keys_that_do_not_count_sign_nothing(desk: Desk) -> None:
    desk.keys = [key("stranger")]
    with pytest.raises(UnusableError, match="name them with `--key`"):
        desk.publish()


def test_of_two_publishers_at_once_one_has_to_do_it_again(desk: Desk) -> None:
    publisher = desk.publisher()
    ours = publisher.prepare(Origin(FILES), tests=passing)
    desk.publish(OTHERS)
    with pytest.raises(ConflictError):
        publisher.activate(ours)
    assert published(desk).unverified().digest == manifest_of(OTHERS, serial=1).digest


def test_a_serial_that_nobody_signed_does_not_use_up_the_numbers(desk: Desk) -> None:
    desk.publish()
    forged = Head(sealed(PAYLOAD_TYPE, manifest_of(OTHERS, serial=MAX_SERIAL).to_json(), keys=[key("thief")]))
    (desk.folder / "current.json").write_bytes(forged.to_json())
    with pytest.raises(BundleError):
        desk.publish(OTHERS)


def test_a_new_channel_goes_on_above_the_old_one(desk: Desk) -> None:
    assert desk.publish(after=41).manifest.serial == 42


def test_a_canary_is_promoted_as_it_was_tried(desk: Desk) -> None:
    desk.publish(FILES)
    tried = desk.publish(OTHERS, name=CANARY)
    assert published(desk).unverified().serial == 1
    publisher = desk.publisher()
    publisher.activate(publisher.promote())
    assert published(desk).manifest == published(desk, CANARY).manifest == tried.head.manifest


def test_what_came_after_a_canary_is_not_replaced_by_it(desk: Desk) -> None:
    desk.publish(FILES, name=CANARY)
    desk.publish(OTHERS)
    publisher = desk.publisher()
    with pytest.raises(ConflictError):
        publisher.activate(publisher.promote())


def test_without_a_canary_nothing_is_promoted(desk: Desk) -> None:
    with pytest.raises(UnusableError, match="no canary"):
        desk.publisher().promote()


def test_unsigned_is_possible_only_without_a_root_of_trust(desk: Desk) -> None:
    desk.trust, desk.keys = None, []
    assert desk.publish().head.manifest.signatures == ()
    with pytest.raises(UnusableError):
        Signer((), root_of_trust([key("one")])).head(manifest_of(FILES, serial=1), now=NOW)


def test_folders_are_fetched_as_they_are(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "schemas").mkdir()
    (tmp_path / "policies" / "a.cedar").write_bytes(FILES["policies/a.cedar"])
    source = DirectorySource(policies=tmp_path / "policies", schemas=tmp_path / "schemas")
    assert fetched(source) == Origin(FILES)


def set_back(desk: Desk, to: int) -> None:
    """As who can write to the channel does: what was published under `to` is shown as the newest."""
    (desk.folder / "current.json").write_bytes((desk.folder / "serials" / f"{to}.json").read_bytes())


def test_an_old_bundle_that_is_shown_as_the_newest_is_not_said_to_be_it(desk: Desk, tmp_path: Path) -> None:
    memory = Remembered(tmp_path / "signed.json")
    desk.publish(FILES, remembered=memory)
    desk.publish(OTHERS, remembered=memory)
    set_back(desk, 1)
    for remembered in (memory, Remembered(tmp_path / "signed.json")):
        for files in (FILES, OTHERS):
            with pytest.raises(BundleError, match="serial 1 is older than 2"):
                desk.publish(files, remembered=remembered)
        with pytest.raises(BundleError, match="serial 1 is older than 2"):
            desk.publisher(remembered=remembered).renew()
    assert desk.channel.head() == desk.channel.of_serial(1)


def test_what_is_the_newest_is_said_to_be_it_again(desk: Desk, tmp_path: Path) -> None:
    memory = Remembered(tmp_path / "signed.json")
    desk.publish(FILES, remembered=memory)
    desk.now += 60
    assert desk.publisher(remembered=memory).renew().serial == 1
    assert desk.trust is not None
    assert admit(published(desk), trust=desk.trust, newest=Newest(), now=desk.now).fresh_at == NOW + 60


def test_who_remembers_sees_what_others_published_and_goes_on_from_there(desk: Desk, tmp_path: Path) -> None:
    memory = Remembered(tmp_path / "signed.json")
    desk.publish(FILES, remembered=memory)
    desk.publish(OTHERS)
    assert desk.publisher(remembered=memory).renew().serial == 2
    set_back(desk, 1)
    with pytest.raises(BundleError):
        desk.publisher(remembered=memory).renew()


def test_a_canary_is_remembered_apart_from_what_is_in_force(desk: Desk, tmp_path: Path) -> None:
    memory = Remembered(tmp_path / "signed.json")
    desk.publish(FILES, remembered=memory)
    desk.publish(OTHERS, name=CANARY, remembered=memory)
    assert desk.publisher(remembered=memory).renew().serial == 1
    assert desk.publish({**FILES, "policies/catalog.yaml": b"version: 1\n"}, remembered=memory).manifest.serial == 3


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"current":{"serial":"1","digest":""}}', b'{"current":7}'])
def test_a_memory_that_cannot_be_read_signs_nothing(desk: Desk, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "signed.json").write_bytes(raw)
    with pytest.raises(UnusableError, match=r"signed\.json"):
        desk.publish(FILES, remembered=Remembered(tmp_path / "signed.json"))
    assert desk.channel.head() is None
