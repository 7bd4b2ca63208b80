from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from pdp.core.engine.expression.pattern import Pattern


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_a_pattern_matches_what_a_shell_pattern_of_wildcards_does(written: str, text: str) -> None:
    assert Pattern(tuple(written.split("*"))).matches(text) is fnmatchcase(text, written)


def test_a_hostile_pattern_takes_no_longer_than_its_text() -> None:
    pattern = Pattern(("", *["a"] * 200, "b", ""))
    assert pattern.matches("a" * 50_000) is False
