"""Cedar sources cut into statements, so that every problem has a file and a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|;|[^"/;]+|.', re.DOTALL)
_LEADING: Final = re.compile(r"(?:\s+|//[^\n]*\n?)*")


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


def _statement(text: str, start: int, end: int, file: str) -> Statement:
    leading = _LEADING.match(text, start)
    begin = min(leading.end() if leading else start, end)
    return Statement(file=file, line=text.count("\n", 0, begin) + 1, text=text[begin:end])
