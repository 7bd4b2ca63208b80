"""Heads and packages: what is signed about a bundle, and a bundle in one file."""

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.bundle import head as heads
from pdp.core.bundle.admission import Admitted, Newest, admit
from pdp.core.bundle.content import ContentLimits, encode
from pdp.core.bundle.head import Head, Package, checked_files
from pdp.core.bundle.manifest import manifest_of
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from tests.signed_bundles import NOW, document, first_trust, head_of, signed_trust

FILES = {"policies/a.cedar": b"// a", "policies/b.cedar": b"// b", "schemas/s/t.json": b"{}"}
OTHER = {"policies/a.cedar": b"// A", "policies/b.cedar": b"// B", "schemas/s/t.json": b"{}"}
HEAD = head_of(FILES, serial=3, chain=[first_trust().envelope, signed_trust(document(2, bundle=["bundle", "more"]))])
RAW = HEAD.to_json()
PACKAGE = Package.of(HEAD, encode(FILES))


def no_head(raw: bytes) -> str:
    with pytest.raises(BundleError) as refused:
        Head.from_json(raw)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    assert refused.value.detail.isprintable()
    assert len(refused.value.detail) < 300
    return refused.value.detail


def no_files(raw: bytes) -> str:
    with pytest.raises(BundleError) as refused:
        Package.from_json(raw).files()
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    assert refused.value.detail.isprintable()
    return refused.value.detail


def admitted(raw: bytes) -> Admitted | None:
    try:
        return admit(Head.from_json(raw), trust=first_trust(), newest=Newest(), now=NOW)
    except BundleError:
        return None


def told(judged: Admitted | None) -> Any:
    return None if judged is None else (judged.manifest, judged.fresh_at, judged.trust.document)


def test_a_head_and_a_package_are_read_as_they_were_written() -> None:
    assert Head.from_json(RAW) == HEAD
    assert Head.from_json(RAW).to_json() == RAW
    again = Package.from_json(PACKAGE.to_json())
    assert (again.head, again.files()) == (HEAD, FILES)


@settings(max_examples=400)
@given(at=st.integers(0, len(RAW) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_of_a_signed_head_is_refused_or_means_the_same(at: int, byte: int) -> None:
    changed = admitted(RAW[:at] + bytes([byte]) + RAW[at + 1 :])
    assert told(changed) in (None, told(admitted(RAW)))


@settings(max_examples=200)
@given(at=st.integers(0, len(RAW)), inserted=st.binary(min_size=1, max_size=3), cut=st.integers(0, 3))
def test_an_inserted_or_lost_byte_of_a_signed_head_is_refused_or_means_the_same(
    at: int, inserted: bytes, cut: int
) -> None:
    for changed in (RAW[:at] + inserted + RAW[at:], RAW[:at] + RAW[at + cut :]):
        assert told(admitted(changed)) in (None, told(admitted(RAW)))


@pytest.mark.parametrize("length", [0, 1, len(RAW) // 2, len(RAW) - 1])
def test_a_truncated_head_is_refused(length: int) -> None:
    no_head(RAW[:length])


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"<html>504 Gateway Timeout</html>",
        RAW + b"x",
        RAW.replace(b'"version":1', b'"version":2'),
        RAW.replace(b'"version":1', b'"version":1,"more":1'),
        RAW.replace(b'"payloadType"', b'"payloadtype"'),
        RAW.replace(b'"signatures":', b'"signatures":null,"x":', 1),
        b'{"\\n\\u001b[31m' + b"a" * 1_000_000 + b'":1}',
        b"[" * 1_000_000,
        b'{"manifest":' * 100_000,
    ],
    ids=range(13),
)
def test_what_is_no_head_is_refused(raw: bytes) -> None:
    no_head(raw)


def test_a_head_over_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MAX_HEAD_BYTES", len(RAW) - 1)
    assert "at most" in no_head(RAW)


def test_a_package_over_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = PACKAGE.to_json()
    monkeypatch.setattr(heads, "MAX_HEAD_BYTES", len(RAW))
    monkeypatch.setattr(heads, "LIMITS", ContentLimits(max_bytes=10))
    assert "at most" in no_files(raw)


def test_a_head_whose_manifest_is_none_has_none() -> None:
    wrong = msgspec.structs.replace(HEAD.manifest, payload=base64.b64encode(b"{}").decode())
    with pytest.raises(BundleError):
        msgspec.structs.replace(HEAD, manifest=wrong).unverified()
    assert HEAD.freshness is not None
    with pytest.raises(BundleError):
        msgspec.structs.replace(HEAD, manifest=HEAD.freshness).unverified()


def test_a_package_with_the_content_of_another_names_a_file() -> None:
    assert "`policies/a.cedar`" in no_files(Package.of(HEAD, encode(OTHER)).to_json())
    assert "`policies/a.cedar`" in no_files(Package.of(head_of(OTHER), encode(FILES)).to_json())


def test_a_package_with_a_file_from_another_names_it() -> None:
    for path, raw in OTHER.items():
        if raw != FILES[path]:
            assert f"`{path}`" in no_files(Package.of(HEAD, encode(FILES | {path: raw})).to_json())
    less = {path: raw for path, raw in FILES.items() if path != "policies/b.cedar"}
    assert "`policies/b.cedar`" in no_files(Package.of(HEAD, encode(less)).to_json())
    more = FILES | {"policies/evil.cedar": b"permit (principal, action, resource);"}
    assert "`policies/evil.cedar`" in no_files(Package.of(HEAD, encode(more)).to_json())


def test_a_package_in_which_the_content_is_spelled_otherwise_is_refused() -> None:
    content = encode(FILES)
    spaced = content.replace(b",", b", ", 1)
    repeated = content.replace(b'"policies/a.cedar":"// a"', b'"policies/a.cedar":"// x","policies/a.cedar":"// a"')
    for other in (spaced, repeated, b"null", b"{}", b'"text"', content.replace(b"// a", b"\\/\\/ a")):
        raw = b'{"head":' + RAW + b',"content":' + other + b',"version":1}'
        no_files(raw)
    assert Package.from_json(b'{"head":' + RAW + b',"content":' + content + b',"version":1}').files() == FILES


def test_a_package_cut_anywhere_is_refused() -> None:
    raw = PACKAGE.to_json()
    for length in range(0, len(raw), 7):
        no_files(raw[:length])


def test_a_package_with_two_heads_or_contents_is_read_in_one_way_or_refused() -> None:
    evil = encode(FILES | {"policies/a.cedar": b"permit (principal, action, resource);"})
    for raw in (
        b'{"head":' + RAW + b',"content":' + evil + b',"content":' + encode(FILES) + b',"version":1}',
        b'{"head":' + RAW + b',"content":' + encode(FILES) + b',"content":' + evil + b',"version":1}',
    ):
        try:
            assert Package.from_json(raw).files() == FILES
        except BundleError:
            continue


def test_files_that_no_bundle_has_are_no_bundle_even_where_a_manifest_names_them() -> None:
    content = json.dumps({"version": 1, "files": {"../evil.cedar": ""}}, separators=(",", ":")).encode()
    with pytest.raises(BundleError, match=r"evil\.cedar"):
        checked_files(manifest_of(FILES, serial=1), content)
