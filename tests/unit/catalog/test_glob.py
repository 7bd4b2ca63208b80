"""Globs: what they match, and that no text makes them slow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.catalog.entries.glob import GlobError, read_glob, read_tool_glob


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("read", "read"),
        ("*", "read"),
        ("*", "a/b\n"),
        ("read_*", "read_"),
        ("*_file", "read_file"),
        ("r*d*e", "read_file"),
        ("?ead", "read"),
        ("a**b", "ab"),
        (r"a\*b", "a*b"),
        (r"a\\b", r"a\b"),
        (r"\?", "?"),
        ("a.c", "a.c"),
        ("*ab*ab", "abab"),
        ("?*?", "ab"),
    ],
)
def test_a_glob_matches(glob: str, name: str) -> None:
    assert read_glob(glob).matches(name)


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("read", "Read"),
        ("read", "reads"),
        ("read_*", "read"),
        ("?ead", "ead"),
        (r"a\*b", "axb"),
        ("a.c", "abc"),
        ("[ab]", "a"),
        ("*ab*ab", "aab"),
        ("?*?", "a"),
        ("a", "a\n"),
    ],
)
def test_a_glob_does_not_match(glob: str, name: str) -> None:
    assert not read_glob(glob).matches(name)


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_a_glob_matches_what_its_meaning_says(glob: str, name: str) -> None:
    """Each wildcard as a regular expression says it, with all the trying again that this may take."""
    meaning = glob.replace("*", ".*").replace("?", ".")
    assert read_glob(glob).matches(name) is bool(re.fullmatch(meaning, name))


def test_a_hostile_glob_takes_no_longer_than_its_length_times_the_name() -> None:
    """Tried again at each star this would take longer than there is time."""
    hostile = read_glob("*a" * 200 + "*b")
    assert not hostile.matches("a" * 10_000)
    assert read_glob("*?a" * 150 + "*").matches("a" * 10_000)


@pytest.mark.parametrize("text", ["", "a\\", "a" * 513])
def test_what_is_no_glob_is_refused(text: str) -> None:
    with pytest.raises(GlobError):
        read_glob(text)


@pytest.mark.parametrize("text", ["", "billing", "/read", "billing/", "bill\\/read"])
def test_a_glob_of_tools_needs_a_server_and_a_tool(text: str) -> None:
    with pytest.raises(GlobError):
        read_tool_glob(text)


@pytest.mark.parametrize(
    ("glob", "server", "tool", "expected"),
    [
        ("billing/*", "billing", "a/b", True),
        ("*/read", "billing", "read", True),
        ("bill*/read", "billing", "read", True),
        ("*/read", "billing", "a/read", False),
        ("bill*ing/read", "billing", "x/read", False),
        ("*", "billing", "read", None),
    ],
)
def test_a_star_before_the_slash_is_of_the_servers_name(glob: str, server: str, tool: str, expected: object) -> None:
    try:
        found: object = read_tool_glob(glob).matches(server, tool)
    except GlobError:
        found = None
    assert found is expected
