import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from pdp.core.bundle.head import MAX_HEAD_BYTES
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, Refused, UnusableError
from pdp.lifecycle.archive import ArchiveError, NotArchivedError
from pdp.lifecycle.channel import ConflictError
from pdp.lifecycle.credentials import Credentials
from pdp.lifecycle.oci.archive import OciArchive
from pdp.lifecycle.oci.artifact import ARCHIVED_TYPE, MANIFEST_TYPE, Artifact, archived, published
from pdp.lifecycle.oci.channel import OciChannel
from pdp.lifecycle.oci.registry import MAX_TAGS, Registry
from pdp.lifecycle.oci.repository import repository_of
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import Web
from tests.certificates import authority
from tests.published import bundle
from tests.raw_server import Asked, RawServer, chunked, raw_server, reply

HEAD, CONTENT = bundle(3)
RAW = HEAD.to_json()
DIGEST = HEAD.unverified().digest
ARTIFACT = published(RAW, content_digest=DIGEST, content_size=len(CONTENT))
CAROL = Credentials("carol", "a-password")
CURRENT = "GET /v2/policies/manifests/current"
HEAD_BLOB = f"GET /v2/policies/blobs/{digest_of(RAW)}"
CONTENT_BLOB = f"GET /v2/policies/blobs/{DIGEST}"

Answers = dict[str, bytes | Iterable[bytes]]


def manifest(artifact: Artifact | bytes | Mapping[str, Any], **headers: str) -> bytes:
    raw = artifact.to_json() if isinstance(artifact, Artifact) else artifact
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return reply(200, body, **{"content_type": MANIFEST_TYPE, **headers})


def changed(**members: Any) -> dict[str, Any]:
    """Our manifest, with something in it changed."""
    return {**msgspec.to_builtins(ARTIFACT), **members}


def layers(**members: Any) -> list[Any]:
    """Our layers, with something in the first one changed."""
    first, second = msgspec.to_builtins(ARTIFACT.layers)
    return [{**first, **members}, second]


def good() -> Answers:
    """What an honest registry answers."""
    return {CURRENT: manifest(ARTIFACT), HEAD_BLOB: reply(body=RAW), CONTENT_BLOB: reply(body=CONTENT)}


@dataclass
class Hostile:
    """A registry that answers what a test says, and what it was asked."""

    server: RawServer
    answers: Answers = field(default_factory=good)
    tls: ssl.SSLContext | None = None

    def answer(self, asked: Asked) -> bytes | Iterable[bytes]:
        return self.answers.get(f"{asked.method} {asked.target}", reply(404))

    def registry(self, *, credentials: Credentials | None = None, timeout: float = 5) -> Registry:
        scheme = "oci+http" if self.tls is None else "oci"
        repository = repository_of(f"{scheme}://127.0.0.1:{self.server.port}/policies")
        return Registry(repository, web=Web(timeout=timeout, tls=self.tls), credentials=credentials)

    def channel(self, *, credentials: Credentials | None = None) -> OciChannel:
        return OciChannel(self.registry(credentials=credentials))


@contextmanager
def hostile(answers: Mapping[str, bytes | Iterable[bytes]] = MappingProxyType({})) -> Iterator[Hostile]:
    with raw_server(lambda _: b"") as server:
        made = Hostile(server, {**good(), **answers})
        server.answering = made.answer
        yield made


def endless() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: " + MANIFEST_TYPE.encode() + b"\r\n\r\n"
    while True:
        yield b"100000\r\n" + b"x" * 0x100000 + b"\r\n"


def test_an_honest_registry_is_believed() -> None:
    with hostile() as registry:
        assert registry.channel().head() == HEAD
        assert registry.channel().content(DIGEST) == CONTENT
        assert registry.channel().of_serial(3) is None


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({CURRENT: manifest(b"no json")}, "no artifact of a bundle"),
        ({CURRENT: manifest(b"\xff")}, "no artifact of a bundle"),
        ({CURRENT: manifest(b"[" * 60_000)}, "no artifact of a bundle"),
        ({CURRENT: manifest(b" " * 70_000)}, "announced 70000 bytes"),
        ({CURRENT: manifest(ARTIFACT, docker_content_digest=digest_of(b"other"))}, "not what the registry says"),
        ({CURRENT: manifest(ARTIFACT, content_type="application/json")}, "is no `application/vnd.oci"),
        ({CURRENT: manifest(changed(artifactType="application/vnd.other"))}, "is no `application/vnd.toolgate"),
        ({CURRENT: manifest(changed(schemaVersion=1))}, "is no `application/vnd.toolgate"),
        ({CURRENT: manifest(changed(mediaType="application/vnd.oci.image.index.v1+json"))}, "is no `application/vnd"),
        ({CURRENT: manifest(changed(layers=layers()[:1]))}, "other layers"),
        ({CURRENT: manifest(changed(layers=[]))}, "other layers"),
        ({CURRENT: manifest(changed(layers=[*layers(), layers()[0]]))}, "other layers"),
        ({CURRENT: manifest(changed(layers=layers()[::-1]))}, "other layers"),
        (
            {CURRENT: manifest(changed(layers=layers(mediaType="application/vnd.oci.image.layer.v1.tar")))},
            "other layers",
        ),
        ({CURRENT: manifest(changed(layers=layers(urls=["https://evil.example/"])))}, "unknown field `urls`"),
        ({CURRENT: manifest(changed(layers=layers(digest="sha256:../../blobs")))}, "no digest by SHA-256"),
        ({CURRENT: manifest(changed(layers=layers(digest="sha512:" + "a" * 128)))}, "no digest by SHA-256"),
        ({CURRENT: manifest(changed(layers=layers(size=MAX_HEAD_BYTES + 1)))}, "or not 1 to"),
        ({CURRENT: manifest(changed(layers=layers(size=-1)))}, "or not 1 to"),
        ({CURRENT: manifest(changed(layers=layers(size=len(RAW) - 1)))}, "announced"),
        ({HEAD_BLOB: reply(body=RAW.replace(b"1", b"2"))}, "has another digest"),
        ({HEAD_BLOB: reply(body=RAW[:-1])}, "has another digest"),
        (
            {CURRENT: manifest(published(RAW, content_digest=digest_of(b"other"), content_size=5))},
            "about another content",
        ),
    ],
)
def test_a_manifest_that_is_not_ours_is_not_believed(answers: Answers, told: str) -> None:
    with hostile(answers) as registry, pytest.raises(BundleError, match="bundle_untrusted") as caught:
        registry.channel().head()
    assert told in caught.value.detail


@pytest.mark.parametrize(
    ("answer", "told", "kind"),
    [
        (reply(body=CONTENT.replace(b"permit", b"forbid")), "another digest", BundleError),
        (reply(body=CONTENT[:-1]), "another digest", BundleError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n", "announced 999999999999 bytes", BundleError),
        ([reply(body=CONTENT)[:-1]], "breaks off", SourceError),
        (list(chunked(CONTENT)), "breaks off", SourceError),
        (reply(500), "status 500", SourceError),
        (reply(403), "do not permit", SourceError),
        (reply(404), "not in `oci+http:", SourceError),
    ],
)
def test_a_content_is_whole_and_its_own_or_none(
    answer: bytes | Iterable[bytes], told: str, kind: type[Exception]
) -> None:
    with hostile({CONTENT_BLOB: answer}) as registry, pytest.raises(kind) as caught:
        registry.channel().content(DIGEST)
    assert told in str(caught.value)


@pytest.mark.parametrize("where", [CURRENT, HEAD_BLOB])
def test_an_endless_answer_is_cut_off(where: str) -> None:
    with hostile({where: endless()}) as registry, pytest.raises(BundleError, match="more than"):
        registry.channel().head()


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "", "sha256:" + "A" * 64, f"{DIGEST}/../x"])
def test_a_digest_is_no_path(digest: str) -> None:
    with hostile() as registry:
        with pytest.raises(Refused):
            registry.channel().content(digest)
        for ask in (OciArchive(registry.registry()).get, OciArchive(registry.registry()).remove):
            with pytest.raises(NotArchivedError):
                ask(digest)
    assert registry.server.asked == []


def test_what_a_registry_keeps_elsewhere_is_fetched_without_credentials_and_believed_by_digest() -> None:
    with hostile() as registry, raw_server(lambda _: reply(body=CONTENT)) as store:
        registry.answers[CONTENT_BLOB] = reply(307, location=f"{store.url}/signed?key=1")
        channel = registry.channel(credentials=CAROL)
        registry.answers[CURRENT] = reply(401, www_authenticate="Basic realm=registry")
        with pytest.raises(SourceError, match="does not take the credentials"):
            channel.head()
        assert channel.content(DIGEST) == CONTENT
        store.answering = lambda _: reply(body=b"other")
        with pytest.raises(BundleError, match="another digest"):
            channel.content(DIGEST)
        store.answering = lambda _: reply(307, location=f"{store.url}/on")
        with pytest.raises(SourceError, match="status 307"):
            channel.content(DIGEST)
        store.answering = lambda _: endless()
        with pytest.raises(BundleError, match="more than"):
            channel.content(DIGEST)
    assert "authorization" in registry.server.asked[-1].headers
    assert [one.headers.get("authorization") for one in store.asked] == [None] * 4


@pytest.mark.parametrize(
    "location", ["http://bundles.example/", "http://10.0.0.1/", "file:///etc/passwd", "https://u:p@h/"]
)
def test_a_redirect_to_where_nobody_is_asked_is_refused(location: str) -> None:
    moved = {CONTENT_BLOB: reply(307, location=location)}
    with hostile(moved) as registry, pytest.raises(SourceError, match="where nobody is asked"):
        registry.channel().content(DIGEST)


def test_only_a_blob_is_looked_for_elsewhere() -> None:
    with hostile() as registry, raw_server(lambda _: manifest(ARTIFACT)) as other:
        registry.answers[CURRENT] = reply(307, location=f"{other.url}/")
        with pytest.raises(SourceError, match="status 307"):
            registry.channel().head()
    assert other.asked == []


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/uploads/1", "https://uploads.example/1", "//evil.example/1"])
def test_an_upload_goes_to_no_other_origin(location: str) -> None:
    begun = {"POST /v2/policies/blobs/uploads/": reply(202, location=location)}
    with hostile(begun) as registry, pytest.raises(SourceError, match="uploads at another origin"):
        registry.channel(credentials=CAROL).publish(*bundle(4))
    assert not any(one.method == "PUT" for one in registry.server.asked)


def challenge(realm: str, *, scope: str = "repository:policies:pull") -> bytes:
    return reply(401, www_authenticate=f'Bearer realm="{realm}",service="s",scope="{scope}"')


@pytest.mark.parametrize(
    ("realm", "scope", "told"),
    [
        ("http://auth.example/token", "repository:policies:pull", "must be https"),
        ("http://10.0.0.1/token", "repository:policies:pull", "must be https"),
        ("https://user:pass@auth.example/", "repository:policies:pull", "must not carry credentials"),
        ("", "repository:policies:pull", "realm"),
        ("/token", "repository:policies:pull", "realm"),
        ("https://auth.example/token", "repository:other:pull", "about another repository"),
        ("https://auth.example/token", "repository:policies:pull registry:catalog:*", "about another repository"),
    ],
)
def test_a_realm_that_gets_no_credentials_is_not_asked(realm: str, scope: str, told: str) -> None:
    with hostile({CURRENT: challenge(realm, scope=scope)}) as registry, pytest.raises(SourceError) as caught:
        registry.channel(credentials=CAROL).head()
    assert told in str(caught.value)
    assert "a-password" not in str(caught.value)


def test_a_registry_behind_tls_names_no_realm_without_it(tmp_path: Path) -> None:
    made = authority(tmp_path)
    with (
        raw_server(lambda _: reply(body=b'{"token": "t"}')) as realm,
        raw_server(lambda _: b"", tls=made.server) as server,
    ):
        registry = Hostile(server, {CURRENT: challenge(f"http://localhost.example:{realm.port}/token")}, made.client)
        server.answering = registry.answer
        with pytest.raises(SourceError, match="gets no credentials"):
            registry.channel(credentials=CAROL).head()
    assert realm.asked == []


def test_the_realm_is_asked_as_carol_and_the_registry_shown_the_token_alone() -> None:
    with hostile() as registry, raw_server(lambda _: reply(body=b'{"access_token": "a.token"}')) as realm:
        registry.answers = {}
        asked: list[Asked] = []

        def answer(one: Asked) -> bytes | Iterable[bytes]:
            asked.append(one)
            authorised = one.headers.get("authorization") == "Bearer a.token"
            return (
                good().get(f"{one.method} {one.target}", reply(404))
                if authorised
                else challenge(f"{realm.url}/token?x=1")
            )

        registry.server.answering = answer
        channel = registry.channel(credentials=CAROL)
        assert channel.head() == HEAD
    assert realm.paths == ["GET /token?x=1&service=s&scope=repository%3Apolicies%3Apull"]
    assert realm.asked[0].headers["authorization"].startswith("Basic ")
    assert {one.headers.get("authorization") for one in asked} == {None, "Bearer a.token"}


@pytest.mark.parametrize(
    "answer",
    [
        reply(401),
        reply(307, location="https://evil.example/"),
        reply(body=b"no json"),
        reply(body=b"{}"),
        reply(body=b'{"token": "two words"}'),
        reply(body=b'{"token": "line\\nend"}'),
        reply(body=b'{"token": "' + b"x" * 70_000 + b'"}'),
    ],
)
def test_a_realm_that_answers_with_no_token_is_told(answer: bytes) -> None:
    with raw_server(lambda _: answer) as realm, hostile() as registry, pytest.raises(SourceError):  # noqa: PT012 - set up
        registry.answers[CURRENT] = challenge(f"{realm.url}/token")
        registry.channel(credentials=CAROL).head()
    assert len(realm.asked) == 1


def test_a_token_of_the_configuration_is_shown_to_the_registry_and_to_no_realm() -> None:
    with raw_server(lambda _: reply(body=b'{"token": "t"}')) as realm, hostile() as registry:
        registry.answers[CURRENT] = challenge(f"{realm.url}/token")
        with pytest.raises(SourceError, match="does not take the credentials"):
            registry.channel(credentials=Credentials(None, "own.token")).head()
    assert realm.asked == []
    assert registry.server.asked[-1].headers["authorization"] == "Bearer own.token"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Negotiate", "a kind that is not known"),
        ("", "a kind that is not known"),
        ("Digest realm=basic", "a kind that is not known"),
        ("Basic realm=x", "asks for a `user`"),
    ],
)
def test_a_challenge_that_nobody_can_answer_is_told(header: str, told: str) -> None:
    asking = {CURRENT: reply(401, www_authenticate=header)}
    with hostile(asking) as registry, pytest.raises(SourceError, match=told):
        registry.channel().head()
    assert len(registry.server.asked) == 1


def test_a_tag_that_another_publisher_moves_at_once_is_a_conflict() -> None:
    answers: Answers = {
        f"HEAD /v2/policies/blobs/{digest}": reply()
        for digest in (*(layer.digest for layer in ARTIFACT.layers), digest_of(b"{}"))
    }
    answers["PUT /v2/policies/manifests/serial-3"] = reply(201)
    answers["HEAD /v2/policies/manifests/serial-3"] = reply(docker_content_digest=digest_of(b"theirs"))
    with hostile(answers) as registry, pytest.raises(ConflictError, match="at the same time"):
        registry.channel().publish(HEAD, CONTENT)
    assert "PUT /v2/policies/manifests/current" not in registry.server.paths


KEPT = archived(DIGEST, size=len(CONTENT), created="2026-01-01T00:00:00.000Z")
TAG = DIGEST.replace(":", "-")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({f"GET /v2/policies/manifests/{TAG}": manifest(ARTIFACT)}, f"no `{ARCHIVED_TYPE}`"),
        (
            {f"GET /v2/policies/manifests/{TAG}": manifest(archived(digest_of(b"x"), size=1, created=""))},
            "another content",
        ),
        ({f"GET /v2/policies/manifests/{TAG}": manifest(KEPT), CONTENT_BLOB: reply(body=b"other")}, "another digest"),
        ({f"GET /v2/policies/manifests/{TAG}": reply(503)}, "status 503"),
    ],
)
def test_an_archive_gives_what_was_put_there_or_an_error(answers: Answers, told: str) -> None:
    with hostile(answers) as registry, pytest.raises(ArchiveError, match=told) as caught:
        OciArchive(registry.registry()).get(DIGEST)
    assert not isinstance(caught.value, NotArchivedError)


def tags(*names: str, **headers: str) -> bytes:
    return reply(200, json.dumps({"name": "policies", "tags": names}).encode(), **headers)


LIST = "GET /v2/policies/tags/list?n=1000"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({LIST: reply(body=b"no json")}, "no list of tags"),
        ({LIST: tags("a", link='<https://evil.example/v2/>; rel="next"')}, "rest of its tags elsewhere"),
        ({LIST: tags(*("x" * 100 for _ in range(50_000)))}, "announced"),
        ({LIST: tags(*map(str, range(30_000)), link=f'<{LIST[4:]}>; rel="next"')}, f"more than {MAX_TAGS} tags"),
        (
            {
                LIST: tags(TAG),
                f"GET /v2/policies/manifests/{TAG}": manifest(archived(DIGEST, size=1, created="some day")),
            },
            "does not say when",
        ),
    ],
)
def test_a_list_that_is_none_is_told(answers: Answers, told: str) -> None:
    with hostile(answers) as registry, pytest.raises(ArchiveError, match=told):
        OciArchive(registry.registry()).entries()


def test_a_list_in_pages_is_read_to_its_end() -> None:
    answers: Answers = {
        LIST: tags("current", "serial-1", link='</v2/policies/tags/list?n=1000&last=serial-1>; rel="next"'),
        "GET /v2/policies/tags/list?n=1000&last=serial-1": tags(TAG),
        f"GET /v2/policies/manifests/{TAG}": manifest(KEPT),
    }
    with hostile(answers) as registry:
        assert [one.digest for one in OciArchive(registry.registry()).entries()] == [DIGEST]


def test_a_registry_that_does_not_delete_is_told_with_what_to_do() -> None:
    answers: Answers = {
        f"HEAD /v2/policies/manifests/{TAG}": reply(docker_content_digest=digest_of(KEPT.to_json())),
        f"DELETE /v2/policies/manifests/{digest_of(KEPT.to_json())}": reply(405),
    }
    with hostile(answers) as registry, pytest.raises(ArchiveError, match=r"allow it there.*storage\.delete\.enabled"):
        OciArchive(registry.registry()).remove(DIGEST)


def test_a_registry_that_tells_no_digest_is_asked_for_the_manifest() -> None:
    with hostile({CURRENT.replace("GET", "HEAD"): reply()}) as registry:
        channel = registry.channel()
        assert channel.head() == channel.head() == HEAD
        assert registry.server.paths.count(CURRENT) == 2
        assert registry.server.paths.count(HEAD_BLOB) == 1


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"POST /v2/policies/blobs/uploads/": reply(403)}, "writing a blob: the credentials do not permit"),
        ({"POST /v2/policies/blobs/uploads/": reply(202)}, "writing a blob: it is not there"),
        ({"POST /v2/policies/blobs/uploads/": reply(202, location="/u?s=1")}, "writing a blob: .* status 400"),
        ({f"HEAD /v2/policies/blobs/{bundle(4)[0].unverified().digest}": reply(500)}, "writing a blob"),
    ],
)
def test_what_a_registry_does_not_take_is_told(answers: Answers, told: str) -> None:
    put = f"PUT /u?s=1&digest={bundle(4)[0].unverified().digest}"
    with hostile({put: reply(400), **answers}) as registry, pytest.raises(SourceError, match=told):
        registry.channel().publish(*bundle(4))


def test_a_manifest_that_a_registry_does_not_take_is_told() -> None:
    there = [*(layer.digest for layer in ARTIFACT.layers), digest_of(b"{}")]
    answers = {f"HEAD /v2/policies/blobs/{digest}": reply() for digest in there}
    answers["PUT /v2/policies/manifests/serial-3"] = reply(413)
    with hostile(answers) as registry, pytest.raises(SourceError, match=r"writing the manifest `serial-3`.*413"):
        registry.channel().publish(HEAD, CONTENT)


@pytest.mark.parametrize("status", [403, 500])
def test_a_look_that_a_registry_does_not_answer_says_nothing(status: int) -> None:
    with hostile() as registry:
        channel = registry.channel()
        assert channel.head() == HEAD
        registry.answers[CURRENT.replace("GET", "HEAD")] = reply(status)
        with pytest.raises(SourceError):
            channel.head()


def test_a_head_whose_blob_is_gone_and_a_name_that_is_none_are_told() -> None:
    with hostile({HEAD_BLOB: reply(404)}) as registry:
        with pytest.raises(SourceError, match="has no blob"):
            registry.channel().head()
        with pytest.raises(UnusableError, match="`current` and `canary`"):
            registry.channel().head("../other/manifests/current")


def test_another_serial_under_a_serial_s_tag_is_not_believed() -> None:
    answers = {"GET /v2/policies/manifests/serial-4": manifest(ARTIFACT)}
    with hostile(answers) as registry, pytest.raises(BundleError, match="another serial"):
        registry.channel().of_serial(4)
