"""Our reader against Cedar's own, on policies nobody wrote."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.contract.errors import ConfigurationError
from pdp.core.engine import cedar
from pdp.core.engine.cedar import pst
from pdp.core.engine.expression.tree import children
from pdp.core.engine.syntax.formatting import formatted
from pdp.core.engine.syntax.parser import Parsed, parse
from pdp.core.engine.syntax.problem import ExcessProblem, SyntaxProblem
from pdp.core.engine.syntax.source import Statement, statements
from pdp.core.engine.syntax.span import Span
from pdp.core.engine.syntax.tokens import comments_of
from tests.property.cedar_texts import FEW_COMMENTS, Writer, broken, text_of

SEEDS = st.integers(min_value=0, max_value=2**32)


def expressions(tree: pst.Template) -> Iterator[pst.Expr]:
    waiting = [clause.expr for clause in tree.clauses]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(node))


def outcomes(text: str) -> tuple[pst.Template | None, pst.Template | None]:
    try:
        ours: pst.Template | None = parse(text).tree
    except ExcessProblem:
        return None, None
    except SyntaxProblem as problem:
        ours = None
        place = problem.span
    else:
        place = Span(0, 0)
    assert 0 <= place.start <= place.end <= len(text)
    try:
        return ours, replace(cedar.read_tree(text), id="")
    except ValueError:
        return ours, None


def excerpt(text: str, parsed: Parsed, node: object) -> str:
    span = parsed.span(node)
    assert span is not None
    return text[span.start : span.end]


@given(seed=SEEDS)
@settings(max_examples=400)
def test_what_cedar_reads_we_read_alike_whatever_stands_between_the_words(seed: int) -> None:
    random = Random(seed)
    ours, theirs = outcomes(text_of(Writer(random).policy(), random))
    assert ours == theirs
    assert theirs is not None


@given(seed=SEEDS)
@settings(max_examples=300)
def test_what_cedar_refuses_we_refuse_and_nothing_else(seed: int) -> None:
    random = Random(seed)
    words = Writer(random).policy()
    for _ in range(10):
        ours, theirs = outcomes(text_of(broken(words, random), random))
        assert ours == theirs


@given(seed=SEEDS)
@settings(max_examples=150)
def test_the_text_of_a_node_read_alone_is_the_node(seed: int) -> None:
    """All but the parts that Cedar makes of `has a.b`, which have no text of their own."""
    random = Random(seed)
    text = text_of(Writer(random).policy(), random)
    parsed = parse(text)
    for node in expressions(parsed.tree):
        source = excerpt(text, parsed, node)
        again = parse(f"permit(principal, action, resource) when {{ {source}\n}};").tree.clauses[0].expr
        dotted = isinstance(again, pst.BinaryOp | pst.HasAttr) and isinstance(node, pst.HasAttr | pst.GetAttr)
        assert dotted or again == node


@given(seed=SEEDS)
@settings(max_examples=100)
def test_statements_come_apart_where_they_were_put_together(seed: int) -> None:
    random = Random(seed)
    texts = [text_of(Writer(random).policy(), random) for _ in range(5)]
    file = ""
    expected = []
    for text in texts:
        file += random.choice(["", "\n", "  ", "// x; \n"])
        expected.append(Statement("p.cedar", file.count("\n") + 1, len(file) - file.rfind("\n"), text))
        file += text
    assert list(statements(file, file="p.cedar")) == expected


@given(text=st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_at_all_is_read_or_refused_as_cedar_does(text: str) -> None:
    ours, theirs = outcomes(text)
    assert ours == theirs
    condition = f"permit(principal, action, resource) when {{ {text} }};"
    ours, theirs = outcomes(condition)
    assert ours == theirs


@given(seed=SEEDS)
@settings(max_examples=150)
def test_formatting_changes_no_policy_loses_no_comment_and_is_done_after_once(seed: int) -> None:
    random = Random(seed)
    between = ["\n", "\n\n\n", " // beside\n", "\n// above\r\n", "\r\n\r\n// one\r// two\n\n"]
    before = "".join(
        text_of(Writer(random).policy(), random, spaces=FEW_COMMENTS) + random.choice(between) for _ in range(3)
    )
    try:
        after = formatted(before.encode(), file="p.cedar")
    except ConfigurationError as refused:
        assert {problem.code for problem in refused.problems} == {"not_formattable"}  # noqa: PT017
        return
    assert formatted(after.encode(), file="p.cedar") == after
    trees = [[parse(one.text).tree for one in statements(text, file="p")] for text in (before, after)]
    assert trees[0] == trees[1]
    comments = [[comment for _, comment in comments_of(text)] for text in (before, after)]
    assert comments[0] == comments[1]
