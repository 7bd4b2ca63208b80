"""Manifests: which files a bundle has, each by its digest, under a serial that every reader carries exactly."""

import msgspec
import pytest

from pdp.core.bundle.content import content_digest
from pdp.core.bundle.manifest import MAX_SERIAL, Manifest, manifest_of
from pdp.core.contract.errors import BundleError, ConfigurationError
from pdp.core.contract.reason_code import ReasonCode

SOURCES = {"policies/a.cedar": b"a", "policies/catalog.yaml": b"version: 1\n", "schemas/s/t.json": b"b"}
MANIFEST = manifest_of(SOURCES, serial=7)


def refusal(raw: bytes) -> str:
    with pytest.raises(BundleError) as refused:
        Manifest.from_json(raw)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    return refused.value.detail


def mismatch(files: dict[str, bytes], *, digest: str | None = None) -> str:
    with pytest.raises(BundleError) as refused:
        MANIFEST.check(files, digest=digest or content_digest(files))
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    return refused.value.detail


def test_the_same_sources_have_the_same_digest_in_any_order() -> None:
    assert content_digest(SOURCES) == content_digest(dict(reversed(SOURCES.items())))
    assert manifest_of(SOURCES, serial=1).digest == manifest_of(SOURCES, serial=2).digest
    assert manifest_of(dict(reversed(SOURCES.items())), serial=7).to_json() == MANIFEST.to_json()


def test_a_name_a_byte_or_a_boundary_that_differs_changes_the_digest() -> None:
    sources = {"policies/a.cedar": b"a", "schemas/s/t.json": b"b"}
    others = [
        {"policies/a.cedar": b"a"},
        {"policies/a.cedar": b"b", "schemas/s/t.json": b"b"},
        {"policies/b.cedar": b"a", "schemas/s/t.json": b"b"},
        {"policies/a.cedar": b"ab", "schemas/s/t.json": b""},
        {"policies/a.cedar": b"b", "schemas/s/t.json": b"a"},
    ]
    assert len({content_digest(one) for one in [sources, *others]}) == 6


def test_its_own_files_pass() -> None:
    MANIFEST.check(dict(reversed(SOURCES.items())), digest=MANIFEST.digest)
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


@pytest.mark.parametrize("path", SOURCES)
def test_each_file_that_is_another_missing_or_added_is_named(path: str) -> None:
    without = {name: raw for name, raw in SOURCES.items() if name != path}
    assert f"`{path}`" in mismatch(SOURCES | {path: b"mixed in"})
    assert f"`{path}`" in mismatch(without)
    renamed = mismatch(without | {"policies/zz.cedar": SOURCES[path]})
    assert "`policies/zz.cedar`" in renamed or f"`{path}`" in renamed


def test_an_added_file_is_named() -> None:
    assert "`policies/evil.cedar`" in mismatch(
        SOURCES | {"policies/evil.cedar": b"permit (principal, action, resource);"}
    )


def test_files_that_swapped_their_contents_are_named() -> None:
    swapped = SOURCES | {
        "policies/a.cedar": SOURCES["schemas/s/t.json"],
        "schemas/s/t.json": SOURCES["policies/a.cedar"],
    }
    assert "`policies/a.cedar`" in mismatch(swapped)


def test_the_digest_of_all_must_be_right_too() -> None:
    assert "serial 7" in mismatch(SOURCES, digest="sha256:" + "0" * 64)


@pytest.mark.parametrize(
    "serial",
    [
        "0",
        "-1",
        "-0",
        str(MAX_SERIAL + 1),
        "9" * 40,
        "true",
        "null",
        "1.0",
        "1e0",
        '"1"',
        "[1]",
        "{}",
        "NaN",
        "01",
        "+1",
        "",
    ],
)
def test_a_serial_that_is_not_every_readers_is_refused(serial: str) -> None:
    raw = MANIFEST.to_json().replace(b'"serial":7', f'"serial":{serial}'.encode())
    assert raw != MANIFEST.to_json()
    refusal(raw)


@pytest.mark.parametrize("serial", [1, MAX_SERIAL])
def test_the_first_and_the_last_serial_are_read(serial: int) -> None:
    assert Manifest.from_json(manifest_of(SOURCES, serial=serial).to_json()).serial == serial


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:" + "A" * 64, "sha256:" + "0" * 63, "md5:" + "0" * 64, "../../etc/passwd", "0" * 64],
)
def test_a_digest_that_is_none_is_refused(digest: str) -> None:
    refusal(msgspec.structs.replace(MANIFEST, digest=digest).to_json())


@pytest.mark.parametrize("rollback", ["0", "-1", "7", "8", "06", "6 ", "", "x", "\u0666", "sha256:6", "9" * 5000])
def test_content_comes_again_from_an_earlier_serial_or_a_digest_only(rollback: str) -> None:
    refusal(msgspec.structs.replace(MANIFEST, rollback=rollback).to_json())
    assert Manifest.from_json(msgspec.structs.replace(MANIFEST, rollback="6").to_json()).rollback == "6"
    digest = MANIFEST.digest
    assert Manifest.from_json(msgspec.structs.replace(MANIFEST, rollback=digest).to_json()).rollback == digest


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\u202e", "x" * 2000])
def test_what_is_told_of_it_is_one_line(text: str) -> None:
    refusal(msgspec.structs.replace(MANIFEST, origin=text).to_json())
    refusal(msgspec.structs.replace(MANIFEST, published=text).to_json())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"serial":1}',
        b'{"serial":1,"digest":"x","parts":[]}',
        MANIFEST.to_json()[:-1],
        MANIFEST.to_json().replace(b'"version":1', b'"version":2'),
        MANIFEST.to_json().replace(b'"version":1', b'"version":1,"more":1'),
        b"[" * 100_000,
    ],
)
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    refusal(raw)


def test_what_a_refusal_quotes_is_short_and_harmless() -> None:
    for member in ("\\n\\u001b[31m" * 10, "a" * 1_000_000):
        detail = refusal(b'{"%s":1}' % member.encode())
        assert detail.isprintable()
        assert len(detail) < 300


def test_files_that_no_bundle_has_get_no_manifest() -> None:
    with pytest.raises(ConfigurationError):
        manifest_of({"../a.cedar": b""}, serial=1)
