import os
import threading
from pathlib import Path

import pytest

from pdp.core.bundle.bundle import build
from pdp.core.contract.errors import BundleError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.channel import ConflictError
from pdp.lifecycle.channel_directory import DirectoryChannel
from pdp.lifecycle.channel_source import ChannelSource
from pdp.lifecycle.publish import Origin
from pdp.lifecycle.signing import Signer
from pdp.lifecycle.source import SourceError
from tests.unit.lifecycle.publishing import FILES, NOW, OTHERS, Desk, passing


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "channel")


def test_an_empty_channel_says_that_nothing_was_published(desk: Desk) -> None:
    assert (desk.channel.head(), desk.channel.of_serial(1)) == (None, None)
    with pytest.raises(SourceError, match="toolgate publish"):
        ChannelSource(desk.channel).look()


def test_a_source_sees_what_was_published_and_nothing_new_where_nothing_is(desk: Desk) -> None:
    desk.publish()
    source = ChannelSource(desk.channel)
    seen = source.look()
    assert (seen, seen.serial, source.fetch(seen)) == (source.look(), 1, FILES)
    desk.publish(OTHERS)
    assert source.look().state != seen.state
    assert source.fetch(seen) == FILES


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b'{"manifest":{"payloadType":"x","payload":"!"}}'])
def test_what_is_no_head_is_not_believed(desk: Desk, raw: bytes) -> None:
    desk.publish()
    (desk.folder / "current.json").write_bytes(raw)
    with pytest.raises(BundleError) as refused:
        ChannelSource(desk.channel).look()
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


def test_content_that_was_changed_or_cut_off_is_not_believed(desk: Desk) -> None:
    digest = desk.publish().manifest.digest
    (file,) = (desk.folder / "contents").iterdir()
    for content in (file.read_bytes()[:-1], file.read_bytes().replace(b"permit", b"forbid"), b""):
        file.write_bytes(content)
        with pytest.raises(BundleError, match="another digest"):
            desk.channel.content(digest)


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "sha256:" + "0" * 63, "sha256:" + "A" * 64, "", "x"])
def test_what_is_no_digest_reads_no_file(desk: Desk, digest: str) -> None:
    with pytest.raises(BundleError):
        desk.channel.content(digest)


def test_links_and_pipes_are_not_read(desk: Desk, tmp_path: Path) -> None:
    desk.publish()
    head = desk.folder / "current.json"
    aside = head.rename(tmp_path / "aside.json")
    head.symlink_to(aside)
    with pytest.raises(SourceError):
        desk.channel.head()
    head.unlink()
    os.mkfifo(head)
    with pytest.raises((SourceError, BundleError)):
        desk.channel.head()


def test_a_statement_is_renewed_only_for_what_is_published(desk: Desk) -> None:
    old = desk.publish().head
    signer = Signer(desk.keys, desk.trust)
    desk.channel.renew(signer.renewed(old, now=NOW + 60))
    desk.publish(OTHERS)
    with pytest.raises(ConflictError):
        desk.channel.renew(signer.renewed(old, now=NOW + 120))


def test_a_serial_is_given_once(desk: Desk) -> None:
    desk.publish()
    other = Desk(desk.folder.parent / "other").publish(OTHERS)
    with pytest.raises(ConflictError):
        desk.channel.publish(other.head, other.content)


def test_publishers_at_once_give_no_serial_twice(desk: Desk) -> None:
    won: list[int] = []

    def publish(number: int) -> None:
        files = {"policies/a.cedar": b'@id("p%d") permit (principal, action, resource);' % number}
        publisher = desk.publisher()
        prepared = publisher.prepare(Origin(files), tests=passing)
        try:
            publisher.activate(prepared)
        except ConflictError:
            return
        won.append(prepared.manifest.serial)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(won)) == len(won) > 0
    head = desk.channel.head()
    assert head is not None
    assert head.unverified().serial == max(won)
    build(ChannelSource(desk.channel).fetch(ChannelSource(desk.channel).look()), max_age=1)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    desk = Desk(tmp_path / "file")
    with pytest.raises(SourceError, match="cannot be used"):
        desk.publish()
    assert DirectoryChannel(tmp_path).name.startswith("file:")


@pytest.mark.parametrize("name", ["", "../current", "serials/1", "CURRENT", "current.json"])
def test_other_names_than_those_of_heads_lead_nowhere(desk: Desk, name: str) -> None:
    desk.publish()
    with pytest.raises(UnusableError, match="`current` and `canary`"):
        desk.channel.head(name)
    with pytest.raises(UnusableError):
        desk.publish(OTHERS, name=name)
