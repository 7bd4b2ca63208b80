from dataclasses import replace

import pytest

from pdp.core.contract.errors import Problem
from pdp.core.engine import cedar
from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax import reading
from pdp.core.engine.syntax.parser import parse
from pdp.core.engine.syntax.problem import ExcessProblem, SyntaxProblem
from pdp.core.engine.syntax.reading import MAX_FILE_BYTES, MAX_POLICIES, read_files, read_policies, read_policy
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.syntax.span import Span

POLICY = "permit(principal, action, resource)"


def statement(text: str) -> Statement:
    return Statement(file="p.cedar", line=1, column=1, text=text)


def conditioned(condition: str) -> str:
    return f"{POLICY} when {{ {condition} }};"


def problems(**files: bytes) -> list[Problem]:
    return read_files({f"{name}.cedar": raw for name, raw in files.items()})[1]


def test_policies_come_in_the_order_of_files_and_lines_and_problems_beside_them() -> None:
    policies, found = read_files(
        {
            "b.cedar": b"forbid(principal, action, resource);",
            "a.cedar": b"permit;\n\n@id permit(principal, action, resource);",
        }
    )
    assert [(one.statement.file, one.statement.line, one.parsed.tree.effect) for one in policies] == [
        ("a.cedar", 3, "permit"),
        ("b.cedar", 1, "forbid"),
    ]
    message = "expected `(`: a scope is `(principal, action, resource)`, found `;`"
    assert found == [Problem("a.cedar", 1, 7, "syntax", message, end_column=8)]


def test_a_template_is_read_with_its_slots() -> None:
    tree = read_policy(statement("permit(principal == ?principal, action, resource in ?resource);")).tree
    assert (tree.principal, tree.resource) == (pst.ScopeEq(pst.Slot("principal")), pst.ScopeIn(pst.Slot("resource")))


def test_many_are_read_as_each_alone_whatever_stands_between_them() -> None:
    texts = [conditioned(f"context.a == {number}") for number in range(70)]
    texts[20], texts[40], texts[65] = "permit;", conditioned("(" * 101 + "true" + ")" * 101), conditioned('"x')
    found = read_policies([statement(text) for text in texts])
    refused = {index: type(one) for index, one in enumerate(found) if isinstance(one, SyntaxProblem)}
    assert refused == {20: SyntaxProblem, 40: ExcessProblem, 65: SyntaxProblem}
    for index in {*range(70)} - {*refused}:
        one = found[index]
        assert not isinstance(one, SyntaxProblem)
        assert one.tree == replace(cedar.read_tree(texts[index]), id="")


def test_where_we_refuse_what_cedar_takes_its_tree_counts_without_places(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(text: str) -> None:
        raise SyntaxProblem("no", Span(0, len(text)))

    text = '@id("a") permit(principal, action, resource);'
    monkeypatch.setattr(reading, "parse", refusing)
    found = read_policy(statement(text))
    assert replace(found.tree, id="") == parse(text).tree
    assert found.span(found.tree) is None


@pytest.mark.parametrize("count", [100, 101, 400])
@pytest.mark.parametrize(
    ("start", "link"), [("true", " || true"), ("true", " && true"), ("context", ".a"), ("1", " + 1")]
)
def test_a_tree_deeper_than_cedar_converts_is_refused_with_the_limit_and_its_place(
    start: str, link: str, count: int
) -> None:
    text = conditioned(start + link * count)
    with pytest.raises(ExcessProblem) as refused:
        read_policy(statement(text))
    assert refused.value.message == (
        "a condition is at most 100 levels deep, and each operator of a chain is one; "
        "name many values as a set: `[...].contains(...)`"
    )
    span = refused.value.span
    assert text[span.start : span.end].startswith(start)


@pytest.mark.parametrize("count", [1, 99])
def test_a_chain_within_the_limit_is_read(count: int) -> None:
    tree = read_policy(statement(conditioned("true" + " || true" * count))).tree
    assert len(tree.clauses) == 1


def test_100_brackets_and_500_operators_are_read_without_deep_recursion() -> None:
    deep = parse(conditioned("-ip(" * 33 + "[" * 33 + "{a:" * 33 + "1" + "}" * 33 + "]" * 33 + ")" * 33))
    wide = parse(conditioned("1" + "+1" * 500 + " == 1"))
    assert (len(deep.tree.clauses), len(wide.tree.clauses)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (conditioned("if " * 200 + "true"), "too_large"),
        (conditioned("if true then " * 200 + "true"), "too_large"),
        (conditioned("if true then true else " * 400 + "true"), "too_large"),
        (conditioned("(" * 100_000), "too_large"),
        (conditioned("!" * 100_000 + "true"), "syntax"),
        (conditioned("1" + " == 1" * 20_000), "syntax"),
        (conditioned("a::" * 30_000 + "b"), "syntax"),
        (conditioned('"' + '\\"' * 100_000), "syntax"),
        (conditioned("9" * 100_000 + " == 1"), "syntax"),
        (conditioned('"' + "a" * 300_000 + '"'), "too_large"),
        ("@a " * 50_000 + POLICY + ";", "syntax"),
        (" " * 1_000_000 + "x", "syntax"),
        ("permit(" + "principal," * 20_000, "syntax"),
        ("\0;", "syntax"),
        ("permit(principal\0, action, resource);", "syntax"),
        ("\ufeff" + POLICY + ";", "syntax"),
        (POLICY + "\u200b;", "syntax"),
        (POLICY + "\x1c;", "syntax"),
        (conditioned("`a`"), "syntax"),
        (conditioned("a" * 10_000 + "(1)"), "syntax"),
        (conditioned("context." + "a" * 10_000 + "(1)"), "syntax"),
        (conditioned("{" + "a: 1, " * 1000 + "}"), "syntax"),
        (conditioned('"' + "a" * 10_000 + '" "b"'), "syntax"),
        (f"@{'a' * 10_000} @{'a' * 10_000} {POLICY};", "syntax"),
        (POLICY.replace("action", f'action == {"a" * 10_000}::"b"') + ";", "syntax"),
    ],
)
def test_hostile_texts_are_one_clear_problem_each(text: str, code: str) -> None:
    policies, found = read_files({"p.cedar": text.encode()})
    assert (policies, [problem.code for problem in found]) == ([], [code])
    assert len(found[0].message) < 200
    assert found[0].message.isprintable()


def test_a_nul_within_a_text_is_read_as_cedar_reads_it() -> None:
    text = conditioned('context.a == "a\0b"')
    assert read_policy(statement(text)).tree == replace(cedar.read_tree(text), id="")


def test_half_a_surrogate_pair_is_a_problem_with_its_place() -> None:
    text = conditioned('context.a == "\ud800"')
    with pytest.raises(SyntaxProblem) as refused:
        read_policy(statement(text))
    span = refused.value.span
    assert (refused.value.message, text[span.start : span.end]) == (
        "half of a surrogate pair is no character",
        "\ud800",
    )


def test_characters_that_reorder_what_a_reader_sees_are_refused_even_in_comments() -> None:
    raw = f"{POLICY};\n// \u202e\n{conditioned(chr(34) + chr(0x2066) + chr(34) + ' == context.a')}".encode()
    advice = "can make the policy look like another one: write it as"
    assert problems(a=raw) == [
        Problem(
            "a.cedar",
            2,
            4,
            "hidden_character",
            f"the invisible character U+202E {advice} `\\u{{202e}}` in a text, nowhere else",
        ),
        Problem(
            "a.cedar",
            3,
            45,
            "hidden_character",
            f"the invisible character U+2066 {advice} `\\u{{2066}}` in a text, nowhere else",
        ),
    ]


def test_a_file_that_is_not_utf_8_or_too_large_is_a_problem_and_the_others_are_read() -> None:
    policies, found = read_files(
        {"a.cedar": b"// ok\n\xff", "b.cedar": b" " * (MAX_FILE_BYTES + 1), "c.cedar": f"{POLICY};".encode()}
    )
    assert [one.statement.file for one in policies] == ["c.cedar"]
    assert found == [
        Problem("a.cedar", 2, 0, "encoding", "the file is not UTF-8"),
        Problem("b.cedar", 0, 0, "too_large", "a file of policies has at most 16,777,216 bytes"),
    ]


def test_more_policies_than_the_limit_are_refused_before_any_is_read() -> None:
    policies, found = read_files({"a.cedar": b"x;" * (MAX_POLICIES + 1)})
    assert policies == []
    assert found == [Problem("a.cedar", 1, 2 * MAX_POLICIES + 1, "too_large", "there are at most 50,000 policies")]
