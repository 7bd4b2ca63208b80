from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.engine.expression.pattern import Pattern
from pdp.core.engine.residual.completeness import Completeness
from pdp.core.engine.residual.texts import texts

PIECES = st.text("ab", max_size=3)
PATTERNS = st.lists(st.lists(PIECES, min_size=1, max_size=3).map(lambda each: Pattern(tuple(each))), max_size=4)
SHORT = ["".join(each) for length in range(6) for each in product("abz", repeat=length)]


@settings(max_examples=150)
@given(PATTERNS, st.lists(st.text("ab", max_size=4), max_size=2))
def test_a_text_stands_for_each_that_patterns_and_literals_tell_apart(
    patterns: list[Pattern], literals: list[str]
) -> None:
    def told(text: str) -> object:
        return [pattern.matches(text) for pattern in patterns], text if text in literals else None

    found, completeness = texts(tuple(patterns), tuple(literals), each=1)
    missing = [text for text in SHORT if told(text) not in [told(each) for each in found]]
    assert missing == []
    if not any(pattern.matches(text) for pattern in patterns for text in literals):
        assert completeness is Completeness.FULL  # a literal may be the only text that some patterns match


def test_several_texts_of_one_kind_are_given_where_several_places_are_compared() -> None:
    found, completeness = texts((Pattern(("a", "")),), (), each=3)
    assert ([each.startswith("a") for each in found].count(True), completeness) == (3, Completeness.FULL)


def test_too_many_combinations_are_given_up() -> None:
    patterns = tuple(Pattern(("", letter, "")) for letter in "abcdefghijkl")
    assert texts(patterns, (), each=1)[1] is Completeness.PARTIAL


def test_many_patterns_that_exclude_each_other_are_not() -> None:
    patterns = tuple(Pattern((f"/srv/{number}/", "")) for number in range(100))
    found, completeness = texts(patterns, (), each=1)
    assert (len(found), completeness) == (101, Completeness.FULL)
