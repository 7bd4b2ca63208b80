"""A bundle's content: one spelling, one digest, and nothing in it that a machine could read differently."""

import hashlib
import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.bundle.content import (
    LINKS_SUFFIX,
    ContentLimits,
    content_digest,
    decode,
    encode,
    part_of,
    path_problem,
    shown,
)
from pdp.core.contract.errors import ConfigurationError
from pdp.core.engine.links import SUFFIX

FILES = {"policies/a.cedar": b"// a", "policies/catalog.yaml": b"version: 1\n", "schemas/git/log.json": b"{}"}


def problems(files: dict[str, bytes], limits: ContentLimits | None = None) -> list[tuple[str, int, str]]:
    with pytest.raises(ConfigurationError) as refused:
        encode(files, limits=limits or ContentLimits())
    return [(problem.file, problem.line, problem.code) for problem in refused.value.problems]


def refusal(content: bytes, limits: ContentLimits | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        decode(content, limits=limits or ContentLimits())
    return [problem.code for problem in refused.value.problems]


def test_the_digest_is_that_of_a_document_that_everybody_can_make() -> None:
    files = {path: raw.decode() for path, raw in sorted(FILES.items())}
    content = json.dumps({"version": 1, "files": files}, separators=(",", ":")).encode()
    assert encode(FILES) == content
    assert content_digest(FILES) == "sha256:" + hashlib.sha256(content).hexdigest()


NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8), min_size=1, max_size=3
).map("/".join)
PATHS = st.one_of(
    NAMES.map("policies/{}.cedar".format),
    NAMES.map("policies/{}.links.yaml".format),
    NAMES.map("schemas/{}.json".format),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(files=st.dictionaries(PATHS, TEXTS, max_size=5))
def test_what_is_encoded_is_decoded_to_the_same_bytes_or_refused_by_both(files: dict[str, str]) -> None:
    raw = {path: text.encode() for path, text in files.items()}
    try:
        content = encode(raw)
    except ConfigurationError:
        ordered = {path: files[path] for path in sorted(files)}
        spelled = json.dumps({"version": 1, "files": ordered}, ensure_ascii=False, separators=(",", ":"))
        with pytest.raises(ConfigurationError):
            decode(spelled.encode())
        return
    assert decode(content) == raw
    assert encode(dict(reversed(list(raw.items())))) == content


@given(text=TEXTS)
def test_a_text_survives_exactly(text: str) -> None:
    files = {"policies/a.cedar": text.encode()}
    assert decode(encode(files)) == files


@pytest.mark.parametrize(
    "raw",
    [b"\xef\xbb\xbf// mark", b"a\r\nb\rc\n", b"\x00\x01\x1b[31m\x7f", "\u2028\u202e\ufffe\U0010ffff".encode(), b""],
)
def test_marks_line_ends_and_control_characters_are_no_ones_to_change(raw: bytes) -> None:
    assert decode(encode({"policies/a.cedar": raw})) == {"policies/a.cedar": raw}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "name_invalid"),
        ("policies/", "name_invalid"),
        ("/policies/a.cedar", "name_invalid"),
        ("policies//a.cedar", "name_invalid"),
        ("policies/../a.cedar", "name_invalid"),
        ("policies/./a.cedar", "name_invalid"),
        ("policies/.git/a.cedar", "name_invalid"),
        ("policies/.a.cedar", "name_invalid"),
        ("policies\\a.cedar", "name_invalid"),
        ("policies/a\\..\\b.cedar", "name_invalid"),
        ("policies/a\n.cedar", "name_invalid"),
        ("policies/\x1b[31m.cedar", "name_invalid"),
        ("policies/a\x00.cedar", "name_invalid"),
        ("policies/a\u202e.cedar", "name_invalid"),
        ("policies/a\u200b.cedar", "name_invalid"),
        ("policies/\udcff.cedar", "name_invalid"),
        ("policies/" + unicodedata.normalize("NFD", "\u00e9") + ".cedar", "name_invalid"),
        ("policies/" + "a" * 1024 + ".cedar", "name_invalid"),
        ("policies/a.txt", "file_unknown"),
        ("policies/a.yaml", "file_unknown"),
        ("policies/team/catalog.yaml", "file_unknown"),
        ("schemas/a.cedar", "file_unknown"),
        ("policies/a.json", "file_unknown"),
        ("Policies/a.cedar", "file_unknown"),
        ("a.cedar", "file_unknown"),
        ("policies/a.cedar/b", "file_unknown"),
    ],
)
def test_a_name_that_no_bundle_has_is_refused(path: str, code: str) -> None:
    assert problems({path: b""}) == [(shown(path), 0, code)]
    assert "\n" not in shown(path)
    assert "\x1b" not in shown(path)


@pytest.mark.parametrize("path", ["policies/\u00e9.cedar", "policies/a b.cedar", "schemas/\u6642/\u9593.json"])
def test_other_scripts_and_spaces_are_names(path: str) -> None:
    assert path_problem(path) is None
    assert part_of(path) is not None


def test_names_that_are_one_on_another_machine_are_refused() -> None:
    files = {
        "policies/A.cedar": b"",
        "policies/a.cedar": b"",
        "policies/stra\u00dfe.cedar": b"",
        "policies/STRASSE.cedar": b"",
    }
    assert problems(files) == [
        ("policies/a.cedar", 0, "name_collision"),
        ("policies/stra\u00dfe.cedar", 0, "name_collision"),
    ]


def test_a_name_is_not_a_file_and_a_folder() -> None:
    files = {"policies/a.cedar": b"", "policies/a.cedar/b.cedar": b"", "policies/B/c.cedar": b""}
    assert problems(files) == [("policies/a.cedar/b.cedar", 0, "name_collision")]
    folded = {"policies/a.cedar": b"", "policies/a.cedar-x/b.cedar": b"", "policies/A.CEDAR/b.cedar": b""}
    assert problems(folded) == [("policies/A.CEDAR/b.cedar", 0, "name_collision")]


def test_what_is_no_text_is_named_with_its_line() -> None:
    files = {
        "policies/a.cedar": b"// fine\n// \xff\n",
        "policies/b.cedar": b"\xed\xa0\x80",
        "policies/c.cedar": b"\n\n\xc0\xaf",
    }
    assert problems(files) == [
        ("policies/a.cedar", 2, "encoding"),
        ("policies/b.cedar", 1, "encoding"),
        ("policies/c.cedar", 3, "encoding"),
    ]


def test_the_limits_hold_both_ways() -> None:
    small = ContentLimits(max_file_bytes=4, max_files=2, max_bytes=80)
    fits = {"policies/a.cedar": b"1234", "policies/b.cedar": b""}
    assert len(encode(fits)) == 71
    assert decode(encode(fits, limits=small), limits=small) == fits
    assert problems({"policies/a.cedar": b"12345"}, small) == [("policies/a.cedar", 0, "too_large")]
    assert problems({f"policies/{n}.cedar": b"" for n in range(3)}, small) == [("bundle", 0, "too_many_files")]
    long_names = {f"policies/{n * 20}.cedar": b"1234" for n in "ab"}
    assert problems(long_names, small) == [("bundle", 0, "too_large")]
    assert problems({"policies/a.cedar": b"1" * 81}, ContentLimits(max_bytes=80)) == [("bundle", 0, "too_large")]
    assert refusal(encode({"policies/a.cedar": b"12345"}), small) == ["too_large"]
    assert refusal(encode({f"policies/{n}.cedar": b"" for n in range(3)}), replace(small, max_bytes=200)) == [
        "too_many_files"
    ]
    assert refusal(encode(long_names), small) == ["too_large"]


GOOD = encode(FILES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD + b"\n",
        b" " + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD + GOOD,
        GOOD.replace(b",", b", ", 1),
        GOOD.replace(b'"version":1', b'"version":1.0'),
        GOOD.replace(b'"version":1', b'"version":2'),
        GOOD.replace(b'"version":1', b'"version":true'),
        GOOD.replace(b'"version":1', b'"version":"1"'),
        GOOD.replace(b'"version":1,', b""),
        GOOD.replace(b'"version":1', b'"version":1,"version":1'),
        GOOD.replace(b'"version":1', b'"version":1,"more":1'),
        GOOD.replace(b'"version":1,', b"").replace(b"}}", b'},"version":1}'),
        GOOD.replace(b'"policies/a.cedar":"// a"', b'"policies/a.cedar":"// b","policies/a.cedar":"// a"'),
        GOOD.replace(b'"policies/a.cedar":"// a",', b"").replace(b':"{}"', b':"{}","policies/a.cedar":"// a"'),
        GOOD.replace(b"// a", b"\\/\\/ a"),
        GOOD.replace(b"// a", b"// \\u0061"),
        GOOD.replace(b"// a", b"// \\ud800"),
        GOOD.replace(b"// a", b"// \xff"),
        GOOD.replace(b'"// a"', b"null"),
        GOOD.replace(b'"// a"', b'["// a"]'),
        GOOD.replace(b'"// a"', b"[" * 100_000),
        b'{"version":1,"files":[]}',
    ],
)
def test_a_document_in_another_spelling_or_of_another_form_is_refused(content: bytes) -> None:
    assert refusal(content) == ["content_malformed"]


def test_files_that_no_bundle_has_are_refused_in_a_document_too() -> None:
    for path in ("../evil.cedar", "policies/../../etc/a.cedar", "policies/\\u0000.cedar", "/etc/passwd"):
        assert refusal(b'{"version":1,"files":{"%s":""}}' % path.encode()) == ["name_invalid"]


def test_what_a_refusal_quotes_is_short_and_harmless() -> None:
    for member in ("\\n\\u001b[31m" * 10, "a" * 1_000_000):
        with pytest.raises(ConfigurationError) as refused:
            decode(b'{"%s":1}' % member.encode())
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 500


@given(content=st.binary(max_size=40))
def test_no_bytes_bring_it_down(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        decode(content)


@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_content(at: int, byte: int) -> None:
    changed = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        files = decode(changed)
    except ConfigurationError:
        return
    assert (files == FILES) == (changed == GOOD)


def test_links_are_told_by_the_ending_that_the_engine_reads() -> None:
    assert LINKS_SUFFIX == SUFFIX
