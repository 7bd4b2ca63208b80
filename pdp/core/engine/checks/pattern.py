"""Patterns of `like` against the one form of a marked argument: can any value match?"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

from pdp.core.catalog.tool import Mark
from pdp.core.engine.cedar import pst

_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


_PATH_FORM: Final = (
    "a path is decided on without `.`, `..`, empty segments, a `/` at its end, a `:`, and names that end in a dot"
)
_HOST: Final = re.compile(r"[^A-Z@/ \x7f-\U0010ffff]*")
_URL: Final = re.compile(r"[^\\ \x7f-\U0010ffff]*")
_AUTHORITY: Final = re.compile(r"[^/?#]*://[^/?#]*")


class _At(StrEnum):
    """How far into a path a reader is."""

    START = "nothing read"
    ROOT = "the first `/`"
    SLASH = "a later `/`"
    FIRST_DOT = "a `.` that everything began with"
    DOT = "a segment that is `.` so far"
    DOTS = "a segment that is `..` so far"
    SEGMENT = "some other segment"
    TAIL = "some other segment that ends in a dot or space so far"
    NOWHERE = "what is no path in its one form"


_ENDS: Final = frozenset({_At.ROOT, _At.FIRST_DOT, _At.SEGMENT})
_SAMPLES: Final = ("/", ".", "x")
"""One character of each sort that is told apart and leads somewhere."""


def unmatchable(pattern: tuple[pst.PatternElem, ...], *, mark: Mark) -> str | None:
    """Why no value under `mark` matches `pattern`, None when some may."""
    texts = _texts(pattern)
    match mark:
        case Mark.PATH:
            return _no_path(pattern, texts)
        case Mark.HOST:
            fits = all(_HOST.fullmatch(text) for text in texts)
            return None if fits else "a host is decided on in ASCII and lower case, and without anything around it"
        case Mark.URL:
            return _no_url(texts)
        case Mark.SECRET:
            return None


def _no_path(pattern: tuple[pst.PatternElem, ...], texts: list[str]) -> str | None:
    if any(character == "\\" or unicodedata.category(character) in _UNSEEN for text in texts for character in text):
        return "a path has no backslash and no character that is not seen"
    if any(_ESCAPE.search(text) for text in texts):
        return "a path is decided on without percent-encoding"
    at = {_At.START}
    for element in pattern:
        at = {_read(each, element.value) for each in at} if isinstance(element, pst.Char) else _anywhere(at)
    return None if at & _ENDS else _PATH_FORM


def _no_url(texts: list[str]) -> str | None:
    authority = _AUTHORITY.match(texts[0])
    if authority is not None and (authority[0] != authority[0].lower() or "@" in authority[0]):
        return "a URL is decided on with scheme and host in lower case, and without a user"
    if any("/../" in text or "/./" in text for text in texts):
        return "a URL is decided on without `.` and `..`"
    fits = all(_URL.fullmatch(text) for text in texts)
    return None if fits else "a URL is decided on in ASCII, without backslashes and spaces"


def _read(at: _At, character: str) -> _At:
    if at is _At.NOWHERE or character == ":" or (at is _At.START and character in "~ "):
        return _At.NOWHERE
    match at, character:
        case _At.START, "/":
            return _At.ROOT
        case _At.START, ".":
            return _At.FIRST_DOT
        case ((_At.ROOT | _At.SLASH | _At.FIRST_DOT | _At.DOT | _At.DOTS | _At.TAIL), "/"):
            return _At.NOWHERE
        case ((_At.ROOT | _At.SLASH), "."):
            return _At.DOT
        case ((_At.FIRST_DOT | _At.DOT), "."):
            return _At.DOTS
        case _At.SEGMENT, "/":
            return _At.SLASH
        case _, "." | " ":
            return _At.TAIL
        case _:
            return _At.SEGMENT


def _anywhere(at: set[_At]) -> set[_At]:
    """Where any characters may lead from there."""
    reached, waiting = set(at), list(at)
    while waiting:
        here = waiting.pop()
        further = {_read(here, character) for character in _SAMPLES} - reached
        reached |= further
        waiting += further
    return reached


def _texts(pattern: tuple[pst.PatternElem, ...]) -> list[str]:
    """The stretches between wildcards."""
    return "".join(e.value if isinstance(e, pst.Char) else "\0" for e in pattern).split("\0")
