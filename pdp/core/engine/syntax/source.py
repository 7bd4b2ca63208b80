"""Cedar sources cut into statements, so that every problem has a file and a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|;|[^"/;]+|.', re.DOTALL)
_LEADING: Final = re.compile(r"(?:\s+|//[^\n]*\n?)*")

_OPERATOR: Final = re.compile(r"[|&]{2}|[+*.\[-]|\bif\b")

MAX_CHARACTERS: Final = 256 * 1024
MAX_DEPTH: Final = 100
MAX_OPERATORS: Final = 500
"""Bounds on one policy. Tried: 1,000 brackets or 3,000 chained operators overflow the stack of Cedar's parser."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy's text as written, and the line in its file where it starts (from 1)."""

    file: str
    line: int
    text: str


def statements(text: str, *, file: str) -> Iterator[Statement]:
    """The statements of `text`; a last one without `;` is one too, for Cedar to refuse."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            yield _statement(text, start, token.end(), file)
            start = token.end()
    if _LEADING.fullmatch(text, start) is None:
        yield _statement(text, start, len(text), file)


def excess_of(text: str) -> str | None:
    """Which bound on one policy `text` is over, None when it is within all."""
    if len(text) > MAX_CHARACTERS:
        return f"a policy has at most {MAX_CHARACTERS} characters"
    plain = "".join(part for part in _TOKEN.findall(text) if part[0] not in '"/' or len(part) == 1)
    deepest = depth = 0
    for character in plain:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"a policy nests at most {MAX_DEPTH} brackets deep"
    if len(_OPERATOR.findall(plain)) > MAX_OPERATORS:
        return f"a policy has at most {MAX_OPERATORS} operators; name many values as a set: `[...].contains(...)`"
    return None


def _statement(text: str, start: int, end: int, file: str) -> Statement:
    leading = _LEADING.match(text, start)
    begin = min(leading.end() if leading else start, end)
    return Statement(file=file, line=text.count("\n", 0, begin) + 1, text=text[begin:end])
