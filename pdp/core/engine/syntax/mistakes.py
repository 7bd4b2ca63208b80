"""What people write who mean something that Cedar writes otherwise."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pdp.core.engine.syntax.vocabulary import METHODS, PLAIN_METHODS

RUNS_OVER: Final = 'this text runs over the end of a line: is its closing `"` missing?'

_INSTEAD: Final = {
    "=": "`=` compares nothing in Cedar: write `==`",
    "/": "Cedar has no division",
    "%": "Cedar has no remainder of a division",
    "and": "write `&&` for `and`",
    "or": "write `||` for `or`",
    "AND": "write `&&` for `AND`",
    "OR": "write `||` for `OR`",
    "not": "write `!` for `not`",
    "NOT": "write `!` for `NOT`",
}
_PAIRS: Final = {
    ("==", "="): "write `==`, of two characters",
    ("=", "=="): "write `==`, of two characters",
    ("!=", "="): "write `!=`, of two characters",
    ("<", ">"): "write `!=` for `<>`",
    ("=", ">"): "write `>=` for `=>`",
    ("=", "<"): "write `<=` for `=<`",
    ("/", "*"): "comments start with `//` and end with the line",
}


class Mistake(NamedTuple):
    """What to write instead of the tokens from `first` to `last`."""

    message: str
    first: int
    last: int


def mistake_at(words: Sequence[str], *, at: int) -> Mistake | None:
    """The frequent mistake that makes token `at` one that cannot stand there, None when it looks like none."""
    for index in range(max(at - 1, 0), at + 1):
        if runs_over(words[index]):
            return Mistake(RUNS_OVER, index, index)
    for first in range(max(at - 1, 0), at + 1):
        pair = _PAIRS.get((words[first], words[first + 1])) if first + 1 < len(words) else None
        if pair is not None:
            return Mistake(pair, first, first + 1)
    word = words[at]
    if word in METHODS or word in PLAIN_METHODS:
        return Mistake(f"`{word}` is a method: write `.{word}(...)` after the value", at, at)
    return Mistake(_INSTEAD[word], at, at) if word in _INSTEAD else None


def runs_over(word: str) -> bool:
    """Whether `word` is a text of several lines: more often a quote is missing than that one is meant."""
    return word[:1] == '"' and "\n" in word
