"""Patterns against paths in their one form: exact, shown on every short pattern and path."""

from itertools import product

import pytest

from pdp.core.catalog.forms.form import FormError
from pdp.core.catalog.forms.path import normalise_path
from pdp.core.catalog.tool import Mark
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.pattern import unmatchable
from pdp.core.engine.expression.pattern import Pattern

_LONGEST = 5
FORM = "a path is decided on without `.`, `..`, empty segments, a `/` at its end, a `:`, and names that end in a dot"


def pattern(text: str) -> tuple[pst.PatternElem, ...]:
    return tuple(pst.Wildcard() if character == "*" else pst.Char(character) for character in text)


def _is_normal(text: str) -> bool:
    try:
        return normalise_path(text) == text
    except FormError:
        return False


def test_a_pattern_is_unmatchable_exactly_when_no_path_matches_it() -> None:
    paths = ["".join(one) for length in range(1, 8) for one in product("/.a", repeat=length)]
    normal = [path for path in paths if _is_normal(path)]
    wrong = [
        text
        for length in range(_LONGEST + 1)
        for one in product("/.a*", repeat=length)
        if (unmatchable(pattern(text := "".join(one)), mark=Mark.PATH) is None)
        is not any(Pattern.of(pattern(text)).matches(path) for path in normal)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("srv\\*", "a path has no backslash and no character that is not seen"),
        ("srv/\u200b*", "a path has no backslash and no character that is not seen"),
        ("srv%2f*", "a path is decided on without percent-encoding"),
        ("~*", FORM),
        ("c:*", FORM),
        ("a /b", FORM),
    ],
)
def test_characters_that_paths_do_not_have_match_none(text: str, reason: str) -> None:
    assert unmatchable(pattern(text), mark=Mark.PATH) == reason


@pytest.mark.parametrize("text", ["*%2*", "srv/~a", "100%", "/srv/*", "*.md", ".*", "*/.*", "é*"])
def test_other_characters_do(text: str) -> None:
    assert unmatchable(pattern(text), mark=Mark.PATH) is None


@pytest.mark.parametrize("text", ["*.Example.com", "exämple.com", "example.com/*", "user@example.com", "a b"])
def test_a_host_has_one_form(text: str) -> None:
    reason = "a host is decided on in ASCII and lower case, and without anything around it"
    assert unmatchable(pattern(text), mark=Mark.HOST) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("HTTPS://example.com/*", "a URL is decided on with scheme and host in lower case, and without a user"),
        ("https://Example.com/*", "a URL is decided on with scheme and host in lower case, and without a user"),
        ("https://user@example.com/*", "a URL is decided on with scheme and host in lower case, and without a user"),
        ("https://*/a/../b", "a URL is decided on without `.` and `..`"),
        ("https://*/ü", "a URL is decided on in ASCII, without backslashes and spaces"),
    ],
)
def test_a_url_has_one_form(text: str, reason: str) -> None:
    assert unmatchable(pattern(text), mark=Mark.URL) == reason


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("*.example.com", Mark.HOST),
        ("10.*", Mark.HOST),
        ("2001:db8::*", Mark.HOST),
        ("https://example.com/Docs/*?q=A#f", Mark.URL),
        ("https://*.example.com/*", Mark.URL),
        ("*/a@b", Mark.URL),
    ],
)
def test_patterns_in_these_forms_match(text: str, mark: Mark) -> None:
    assert unmatchable(pattern(text), mark=mark) is None
