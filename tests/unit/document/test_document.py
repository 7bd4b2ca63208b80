from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.reading import parse_document, read_document
from pdp.core.document.scalar import plain_value
from pdp.core.document.tree import DocumentLimits, Position

FILE = "f.yaml"


def codes(text: str, limits: DocumentLimits | None = None) -> list[tuple[int, int, str]]:
    return [(p.line, p.column, p.code) for p in parse_document(text, file=FILE, limits=limits).problems]


def test_each_key_and_value_has_its_place() -> None:
    document = parse_document("a: 1\nb:\n  - x\n  - {c: [2]}\n", file=FILE)
    assert document.tree == {"a": 1, "b": ["x", {"c": [2]}]}
    assert document.keys == {("a",): Position(1, 1), ("b",): Position(2, 1), ("b", 1, "c"): Position(4, 6)}
    assert document.values[("b", 1, "c", 0)] == Position(4, 10)
    assert document.values[()] == Position(1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("yes", "yes"),
        ("off", "off"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, "9" * 19),
        ("9" * 100_000, "9" * 100_000),
        ("=", "="),
        ("<<", "<<"),
        ("tRue", "tRue"),
    ],
)
def test_unquoted_scalars_mean_what_yaml_1_2_says_and_ambiguous_numbers_stay_text(text: str, value: object) -> None:
    found = plain_value(text)
    assert (found, type(found)) == (value, type(value))


def test_quoted_scalars_are_text() -> None:
    assert parse_document('["1", \'true\', ""]', file=FILE).tree == ["1", "true", ""]


def test_a_repeated_key_is_a_problem_and_the_first_one_counts() -> None:
    document = parse_document("a: 1\nb: 2\na: {c: 3}\n", file=FILE)
    assert document.tree == {"a": 1, "b": 2}
    assert document.problems == [
        Problem(FILE, 3, 1, "yaml_key_repeated", "key `a` stands here again, first in line 1"),
    ]
    assert ("a", "c") not in document.values


def test_keys_that_read_alike_and_differ_are_not_repeated() -> None:
    assert codes('a: 1\nA: 2\n"a ": 3\n') == []


@pytest.mark.parametrize("key", ["1", "true", "null", "~", "1.5", "? [x]\n: 1\nb", "? {x: 1}\n: 1\nb"])
def test_a_key_that_is_no_text_is_a_problem(key: str) -> None:
    assert [code for _, _, code in codes(f"{key}: 1\n")] == ["yaml_key"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &x 1\nb: 2\n", [(1, 4, "yaml_anchor")]),
        ("a: &x 1\nb: *x\n", [(1, 4, "yaml_anchor"), (2, 4, "yaml_alias")]),
        ("a: *nowhere\n", [(1, 4, "yaml_alias")]),
        ("&k a: 1\n", [(1, 1, "yaml_anchor")]),
        ("a: !!str 1\n", [(1, 4, "yaml_tag")]),
        ("a: ! 1\n", [(1, 4, "yaml_tag")]),
        ("a: !!python/object/apply:os.system [echo]\n", [(1, 4, "yaml_tag")]),
        ("!!map {a: 1}\n", [(1, 1, "yaml_tag")]),
        ("%TAG !e! tag:example.com,2000:\n---\na: !e!x 1\n", [(3, 4, "yaml_tag")]),
        ("a: 1\n---\nb: 1\n", [(2, 1, "yaml_documents")]),
        ("a: [1, 2\nb: 3\n", [(2, 2, "yaml_invalid")]),
        ("a:\n\t- 1\n", [(2, 1, "yaml_invalid")]),
        ("a: \x00\n", [(1, 4, "unprintable")]),
        ("ok: 1\nb: \x1b[31m\n", [(2, 4, "unprintable")]),
        ("a: \ud800\n", [(1, 4, "unprintable")]),
        ("a: x\u2028b: y\n", [(1, 5, "unprintable")]),
        ("a: x\x85b: y\n", [(1, 5, "unprintable")]),
        ("a: x\u202ey\n", [(1, 5, "unprintable")]),
        ("a: x\ufeffy\n", [(1, 5, "unprintable")]),
        ('a: "\\L"\n', [(1, 4, "unprintable")]),
        ('a: "\\0"\n', [(1, 4, "unprintable")]),
        ('a: "\\e[2J"\n', [(1, 4, "unprintable")]),
        ('"a\\0": 1\n', [(1, 1, "unprintable"), (1, 1, "yaml_key")]),
    ],
)
def test_what_two_readers_could_read_differently_is_a_problem_with_its_place(
    text: str, found: list[tuple[int, int, str]]
) -> None:
    assert codes(text) == found


def test_all_problems_of_a_file_are_found_at_once() -> None:
    text = "a: &x 1\nb: *x\n1: 2\nc: !t 3\na: 4\n"
    assert [line for line, _, _ in codes(text)] == [1, 2, 3, 4, 5]


def test_a_bomb_of_aliases_is_refused_without_being_unfolded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    document = parse_document("\n".join(lines), file=FILE)
    assert {p.code for p in document.problems} == {"yaml_anchor", "yaml_alias"}
    assert document.tree["a11"] == [None] * 9


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "{? ", "[{a: 1, a: ", "a: {b: 1, b: "])
def test_deep_nesting_stops_at_the_limit(opening: str) -> None:
    found = codes(opening * 20_000)
    assert found[-1][2] in {"document_too_deep", "yaml_invalid"}
    assert len(found) < 100


def test_depth_counts_levels() -> None:
    limits = DocumentLimits(max_depth=3)
    assert codes("[[[1]]]", limits) == []
    assert codes("[[[[1]]]]", limits) == [(1, 5, "document_too_deep")]


def test_ten_megabytes_are_refused_by_size_before_they_are_read() -> None:
    problem = Problem(FILE, 0, 0, "document_too_large", "more than 1048576 bytes")
    assert parse_document("x" * 10_000_000, file=FILE).problems == [problem]
    with pytest.raises(ConfigurationError) as caught:
        read_document(b"x" * 10_000_000, file=FILE)
    assert caught.value.problems == (problem,)


def test_a_file_of_too_many_values_is_refused() -> None:
    assert codes("[" + "1," * 60_000 + "]")[-1][2] == "document_too_large"
    assert codes("{" + "a: 1," * 60_000 + "}")[-1][2] == "document_too_large"


def test_bytes_are_utf_8_with_or_without_a_byte_order_mark() -> None:
    assert read_document("\ufeffa: é".encode(), file=FILE).tree == {"a": "é"}
    with pytest.raises(ConfigurationError) as caught:
        read_document(b"a: 1\nb: \xff\n", file=FILE)
    assert caught.value.problems == (Problem(FILE, 2, 0, "encoding_invalid", "this is not UTF-8"),)


def test_reading_bytes_raises_with_every_problem() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_document(b"a: &x 1\na: 2\n", file=FILE)
    assert [p.code for p in caught.value.problems] == ["yaml_anchor", "yaml_key_repeated"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "--- \n...\n"])
def test_a_file_without_content_is_null(text: str) -> None:
    document = parse_document(text, file=FILE)
    assert (document.tree, document.problems) == (None, [])


class _PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=12)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(tree=TREES, flow=st.sampled_from([True, False]))
def test_what_another_yaml_writer_wrote_is_read_back_the_same(tree: object, flow: Any) -> None:
    text = yaml.dump(tree, Dumper=_PlainDumper, default_flow_style=flow, allow_unicode=True)
    document = parse_document(text, file=FILE)
    assert (document.problems, document.tree) == ([], tree)


@settings(max_examples=300)
@given(st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`# \n\t\\0u1~<=."), max_size=60))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    document = parse_document(text, file=FILE)
    assert document.tree is None or not any(p.code == "yaml_invalid" for p in document.problems)
