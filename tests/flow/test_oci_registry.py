"""Channel and archive on Debian's registry: open, with passwords, with tokens."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from pdp.bootstrap.bundles import open_source
from pdp.bootstrap.channels import open_channel
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError
from pdp.core.settings.bundles import BundleSettings, ChannelSettings
from pdp.core.settings.decision_point import PdpSettings
from pdp.lifecycle.archive import ArchiveError
from pdp.lifecycle.channel import CANARY, ConflictError
from pdp.lifecycle.credentials import Credentials
from pdp.lifecycle.oci.archive import OciArchive
from pdp.lifecycle.oci.artifact import EMPTY, Artifact
from pdp.lifecycle.oci.channel import OciChannel
from pdp.lifecycle.oci.registry import Registry
from pdp.lifecycle.oci.repository import repository_of
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import Web
from pdp.server.clock import system_clock
from tests.certificates import authority
from tests.conftest import Require
from tests.flow.registry import INSTALL, PASSWORD, USER, RunningRegistry, passwords, program, registry
from tests.published import bundle, fresh
from tests.raw_server import Asked, raw_server, reply

CAROL = Credentials(USER, PASSWORD)
FORBID = b'@id("none") forbid (principal, action, resource);'


@pytest.fixture(scope="module", autouse=True)
def _registry(require: Require) -> None:
    require(program(), reason=f"no docker-registry here: {INSTALL}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningRegistry]:
    with registry(tmp_path) as made:
        yield made


def at(made: RunningRegistry, name: str = "policies", *, credentials: Credentials | None = None) -> Registry:
    return Registry(repository_of(made.repository(name)), web=Web(timeout=30), credentials=credentials)


def channel(made: RunningRegistry, name: str = "policies", *, credentials: Credentials | None = None) -> OciChannel:
    return OciChannel(at(made, name, credentials=credentials))


def test_what_is_published_is_what_others_read(running: RunningRegistry) -> None:
    head, content = bundle(1)
    reader = channel(running)
    assert reader.head() is None
    assert reader.of_serial(1) is None
    channel(running).publish(head, content)
    assert reader.head() == reader.of_serial(1) == head
    assert reader.content(head.unverified().digest) == content
    assert reader.head(CANARY) is None


def test_the_digest_in_a_decision_s_record_is_a_blob(running: RunningRegistry) -> None:
    head, content = bundle(1)
    channel(running).publish(head, content)
    assert running.blob_file(head.unverified().digest).read_bytes() == content


def test_a_decision_point_s_source_reads_the_channel(running: RunningRegistry, tmp_path: Path) -> None:
    head, content = bundle(4)
    channel(running).publish(head, content)
    settings = BundleSettings(channel=ChannelSettings(url=running.repository("policies")), unsafe_unsigned=True)
    source = open_source(PdpSettings(bundles=settings), base=tmp_path, clock=system_clock())
    seen = source.look()
    assert (seen.serial, seen.head) == (4, head)
    assert source.fetch(seen)["policies/catalog.yaml"] == b"version: 1\n"


def test_an_unchanged_look_is_one_question_and_no_download(running: RunningRegistry) -> None:
    channel(running).publish(*bundle(1))
    reader = channel(running)
    reader.head()
    before = len(running.requests())
    assert [reader.head() for _ in range(3)] == [bundle(1)[0]] * 3
    assert running.requests()[before:] == ["HEAD /v2/policies/manifests/current"] * 3


def test_a_new_head_is_seen_and_the_old_serial_stays(running: RunningRegistry) -> None:
    first, second = bundle(1), bundle(2, policy=FORBID)
    reader = channel(running)
    for head, content in (first, second):
        channel(running).publish(head, content)
        assert reader.head() == head
    assert reader.of_serial(1) == first[0]
    assert reader.content(first[0].unverified().digest) == first[1]


def test_the_same_may_be_published_again(running: RunningRegistry) -> None:
    head, content = bundle(1)
    for _ in range(2):
        channel(running).publish(head, content)
    channel(running).publish(fresh(head, now=1_000_000_000), content)
    assert channel(running).head() == fresh(head, now=1_000_000_000)
    assert channel(running).of_serial(1) == head


def test_another_bundle_under_a_serial_is_a_conflict_and_changes_nothing(running: RunningRegistry) -> None:
    head, content = bundle(1)
    channel(running).publish(head, content)
    with pytest.raises(ConflictError, match="serial 1 is another bundle"):
        channel(running).publish(*bundle(1, policy=FORBID))
    assert channel(running).head() == channel(running).of_serial(1) == head


def test_a_head_is_not_taken_back_by_who_comes_late(running: RunningRegistry) -> None:
    channel(running).publish(*bundle(2))
    with pytest.raises(ConflictError, match="serial 2 was published in the meantime"):
        channel(running).publish(*bundle(1))
    assert channel(running).head() == bundle(2)[0]
    assert channel(running).of_serial(1) is None


def test_a_canary_has_a_head_of_its_own_and_may_become_the_current_one(running: RunningRegistry) -> None:
    head, content = bundle(2, policy=FORBID)
    channel(running).publish(*bundle(1))
    channel(running).publish(head, content, name=CANARY)
    assert channel(running).head() == bundle(1)[0]
    assert channel(running).head(CANARY) == head
    channel(running).publish(head, content)
    assert channel(running).head() == head


def test_a_head_is_renewed_under_the_same_manifest_alone(running: RunningRegistry) -> None:
    head, content = bundle(1)
    with pytest.raises(ConflictError, match="another manifest"):
        channel(running).renew(head)
    channel(running).publish(head, content)
    renewed = fresh(head, now=1_000_000_000)
    channel(running).renew(renewed)
    assert channel(running).head() == renewed
    assert channel(running).of_serial(1) == head
    channel(running).publish(*bundle(2))
    with pytest.raises(ConflictError, match="another manifest"):
        channel(running).renew(renewed)
    assert channel(running).head() == bundle(2)[0]


def test_a_head_that_nobody_can_use_is_replaced_by_publishing(running: RunningRegistry) -> None:
    with at(running).talk() as talk:
        talk.put_blob(EMPTY, digest=digest_of(EMPTY))
        talk.put_manifest("current", Artifact("application/vnd.other", ()).to_json())
    with pytest.raises(BundleError):
        channel(running).head()
    channel(running).publish(*bundle(1))
    assert channel(running).head() == bundle(1)[0]


def test_two_repositories_have_nothing_to_do_with_each_other(running: RunningRegistry) -> None:
    channel(running, "one/bundles").publish(*bundle(1))
    channel(running, "two/bundles").publish(*bundle(1, policy=FORBID))
    head, content = bundle(1)
    assert channel(running, "one/bundles").head() == head
    with pytest.raises(SourceError, match="not in"):
        channel(running, "two/bundles").content(head.unverified().digest)
    OciArchive(at(running, "one/bundles")).put(head.unverified().digest, content, now=1)
    assert list(OciArchive(at(running, "two/bundles")).entries()) == []


def test_a_channel_and_an_archive_may_share_a_repository(running: RunningRegistry) -> None:
    head, content = bundle(1)
    channel(running).publish(head, content)
    archive = OciArchive(at(running))
    archive.put(head.unverified().digest, content, now=1)
    archive.remove(head.unverified().digest)
    assert list(archive.entries()) == []
    assert channel(running).head() == channel(running).of_serial(1) == head
    assert channel(running).content(head.unverified().digest) == content


def test_a_registry_that_does_not_delete_says_so_and_keeps(tmp_path: Path) -> None:
    head, content = bundle(1)
    digest = head.unverified().digest
    with registry(tmp_path, deletes=False) as running:
        archive = OciArchive(at(running))
        archive.put(digest, content, now=1)
        with pytest.raises(ArchiveError, match="deletes nothing: allow it there"):
            archive.remove(digest)
        assert archive.get(digest) == content


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        (Credentials(USER, "wrong"), "does not take the credentials"),
        (Credentials("dave", PASSWORD), "does not take the credentials"),
        (Credentials(None, "a.token"), "asks for a `user` with a `password`"),
        (None, "asks for a `user` with a `password`"),
    ],
)
def test_who_has_no_password_reads_and_writes_nothing(
    tmp_path: Path, credentials: Credentials | None, told: str
) -> None:
    head, content = bundle(1)
    with registry(tmp_path, auth=passwords(tmp_path)) as running:
        stranger = channel(running, credentials=credentials)
        for ask in (
            stranger.head,
            lambda: stranger.publish(head, content),
            lambda: stranger.content("sha256:" + "0" * 64),
        ):
            with pytest.raises(SourceError, match=told) as caught:
                ask()
            assert PASSWORD not in str(caught.value)
        assert not running.storage.exists()


def test_carol_s_password_opens_a_registry(tmp_path: Path) -> None:
    head, content = bundle(1)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "password").chmod(0o600)
    with registry(tmp_path, auth=passwords(tmp_path)) as running:
        channel(running, credentials=CAROL).publish(head, content)
        settings = ChannelSettings(url=running.repository("policies"), user=USER, password=Path("password"))
        assert open_channel(settings, base=tmp_path).head() == head


class Realm:
    """Gives carol tokens that a registry believes, for what it asked for, and others none."""

    def __init__(self, folder: Path) -> None:
        self.authority = authority(folder)
        self.actions = {"pull", "push", "delete"}
        self.given = 0

    def __call__(self, asked: Asked) -> bytes:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") != expected:
            return reply(401)
        self.given += 1
        query = parse_qs(urlsplit(asked.target).query)
        kind, name, actions = query["scope"][0].split(":")
        now = int(time.time())  # noqa: TID251 - the registry lives by the wall clock
        allowed = sorted(self.actions & set(actions.replace("*", "pull,push,delete").split(",")))
        claims = {
            "iss": "realm",
            "aud": query["service"][0],
            "sub": USER,
            "nbf": now - 10,
            "iat": now,
            "exp": now + 300,
            "jti": str(self.given),
            "access": [{"type": kind, "name": name, "actions": allowed}],
        }
        der = self.authority.certificate.public_bytes(serialization.Encoding.DER)
        header = {"x5c": [base64.b64encode(der).decode()]}
        token = jwt.encode(claims, self.authority.key, algorithm="ES256", headers=header)
        return reply(body=b'{"token": "%s"}' % token.encode(), content_type="application/json")


@contextmanager
def with_tokens(folder: Path) -> Iterator[tuple[RunningRegistry, Realm]]:
    realm = Realm(folder)
    with raw_server(realm) as server:
        auth = {
            "token": {
                "realm": f"{server.url}/token",
                "service": "registry",
                "issuer": "realm",
                "rootcertbundle": str(realm.authority.path),
            }
        }
        with registry(folder, auth=auth) as running:
            yield running, realm


def test_tokens_are_had_from_the_realm_that_the_registry_names(tmp_path: Path) -> None:
    head, content = bundle(1)
    with with_tokens(tmp_path) as (running, realm):
        publisher = channel(running, credentials=CAROL)
        publisher.publish(head, content)
        assert realm.given == 2  # to read, and then to write
        assert publisher.head() == head
        reader = channel(running, credentials=CAROL)
        assert reader.head() == reader.head() == head
        assert realm.given == 3
        archive = OciArchive(at(running, credentials=CAROL))
        archive.put(head.unverified().digest, content, now=1)
        archive.remove(head.unverified().digest)
        assert list(archive.entries()) == []


def test_who_may_only_read_publishes_nothing(tmp_path: Path) -> None:
    head, content = bundle(1)
    with with_tokens(tmp_path) as (running, realm):
        channel(running, credentials=CAROL).publish(head, content)
        realm.actions = {"pull"}
        reader = channel(running, credentials=CAROL)
        with pytest.raises(SourceError, match="does not take the credentials"):
            reader.publish(*bundle(2, policy=FORBID))
        assert reader.head() == head


def test_the_realm_gives_strangers_nothing(tmp_path: Path) -> None:
    with with_tokens(tmp_path) as (running, realm):
        for stranger in (None, Credentials(USER, "wrong"), Credentials(None, "own.token")):
            with pytest.raises(SourceError, match="does not take the credentials"):
                channel(running, credentials=stranger).head()
    assert realm.given == 0
