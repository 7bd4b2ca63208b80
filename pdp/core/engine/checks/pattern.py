"""Patterns of `like` against the one form of a marked argument: can any value match?"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from pdp.core.catalog.tool import Mark
from pdp.core.engine.cedar import pst

_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


class _At(StrEnum):
    """How far into a path a reader is."""

    START = "nothing read"
    ROOT = "the first `/`"
    SLASH = "a later `/`"
    FIRST_DOT = "a `.` that everything began with"
    DOT = "a segment that is `.` so far"
    DOTS = "a segment that is `..` so far"
    SEGMENT = "some other segment"
    NOWHERE = "what is no path in its one form"


_ENDS: Final = frozenset({_At.ROOT, _At.FIRST_DOT, _At.SEGMENT})
_SAMPLES: Final = ("/", ".", "x")
"""One character of each sort that `_read` tells apart."""


def unmatchable(pattern: tuple[pst.PatternElem, ...], *, mark: Mark) -> str | None:
    """Why no value under `mark` matches `pattern`, None when some may."""
    if mark is not Mark.PATH:
        return None
    if any(character == "\\" or unicodedata.category(character) in _UNSEEN for character in _characters(pattern)):
        return "a path has no backslash and no character that is not seen"
    if any(_ESCAPE.search(text) for text in _texts(pattern)):
        return "a path is decided on without percent-encoding"
    at = {_At.START}
    for element in pattern:
        at = {_read(each, element.value) for each in at} if isinstance(element, pst.Char) else _anywhere(at)
    return None if at & _ENDS else "a path is decided on without `.`, `..`, empty segments and a `/` at its end"


def _read(at: _At, character: str) -> _At:
    match at, character:
        case _At.START, "/":
            return _At.ROOT
        case _At.START, ".":
            return _At.FIRST_DOT
        case (_At.START, "~") | ((_At.ROOT | _At.SLASH | _At.FIRST_DOT | _At.DOT | _At.DOTS), "/"):
            return _At.NOWHERE
        case ((_At.ROOT | _At.SLASH), "."):
            return _At.DOT
        case ((_At.FIRST_DOT | _At.DOT), "."):
            return _At.DOTS
        case _At.SEGMENT, "/":
            return _At.SLASH
        case _At.NOWHERE, _:
            return _At.NOWHERE
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


def _characters(pattern: tuple[pst.PatternElem, ...]) -> Iterator[str]:
    return (element.value for element in pattern if isinstance(element, pst.Char))


def _texts(pattern: tuple[pst.PatternElem, ...]) -> list[str]:
    """The stretches between wildcards."""
    return "".join(e.value if isinstance(e, pst.Char) else "\0" for e in pattern).split("\0")
