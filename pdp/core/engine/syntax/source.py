"""Cedar sources cut into statements, so that every problem has a file, a line and a column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.errors import Problem, Severity
from pdp.core.engine.syntax.problem import ExcessProblem
from pdp.core.engine.syntax.span import Span
from pdp.core.engine.syntax.tokens import SKIPPED, STATEMENT_PART, Tokens, lex

_LEADING: Final = re.compile(SKIPPED)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_OPERATORS: Final = ("||", "&&", "+", "-", "*", ".", "[", "if")

MAX_CHARACTERS: Final = 256 * 1024
MAX_DEPTH: Final = 100
MAX_OPERATORS: Final = 500
"""Bounds on one policy. Tried: 1,000 brackets or 3,000 chained operators overflow the stack of Cedar's parser."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; both count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy's text as written, and where in its file it starts (from 1)."""

    file: str
    line: int
    column: int
    text: str

    def place(self, offset: int) -> Position:
        """Where in the file the character `offset` of `text` is."""
        lines = self.text.count("\n", 0, offset)
        if not lines:
            return Position(self.line, self.column + offset)
        return Position(self.line + lines, offset - self.text.rindex("\n", 0, offset))

    def problem(self, span: Span, *, code: str, message: str, severity: Severity = Severity.ERROR) -> Problem:
        """A problem at `span` of `text`; it ends with the line in which it begins."""
        start = self.place(span.start)
        line_end = self.text.find("\n", span.start)
        end = span.end if line_end < 0 else min(span.end, max(line_end, span.start))
        width = max(end - span.start, 1)
        return Problem(self.file, start.line, start.column, code, message, severity, start.column + width)


def statements(text: str, *, file: str) -> Iterator[Statement]:
    """The statements of `text`; a last one without `;` is one too, for the reader to refuse."""
    line, line_start, counted = 1, 0, 0
    for begin, end in extents(text):
        line += text.count("\n", counted, begin)
        line_start = max(line_start, text.rfind("\n", counted, begin) + 1)
        counted = begin
        yield Statement(file=file, line=line, column=begin - line_start + 1, text=text[begin:end])


def extents(text: str) -> Iterator[tuple[int, int]]:
    """Where each statement of `text` starts and ends; between them are white space and comments alone."""
    start = 0
    while (begin := _begin(text, start)) < len(text):
        start = _end(text, begin)
        yield begin, start


def excess_of(text: str) -> str | None:
    """Which bound on one policy `text` is over, None when it is within all."""
    try:
        check_bounds(lex(text))
    except ExcessProblem as problem:
        return problem.message
    return None


def check_bounds(tokens: Tokens) -> None:
    """Refuse a policy that Cedar's parser has no bound of its own for.

    Raises:
        ExcessProblem: it is over a bound.

    """
    if len(tokens.text) > MAX_CHARACTERS:
        message = f"a policy has at most {MAX_CHARACTERS:,} characters"
        raise ExcessProblem(message, Span(MAX_CHARACTERS, len(tokens.text)))
    words = tokens.words
    if len(words) <= MAX_DEPTH:
        return
    if sum(map(words.count, _OPENING)) > MAX_DEPTH:
        _check_depth(tokens)
    if sum(map(words.count, _OPERATORS)) > MAX_OPERATORS:
        operators = [index for index, word in enumerate(words) if word in _OPERATORS]
        message = f"a policy has at most {MAX_OPERATORS} operators; name many values as a set: `[...].contains(...)`"
        raise ExcessProblem(message, tokens.span(operators[MAX_OPERATORS], operators[MAX_OPERATORS]))


def _check_depth(tokens: Tokens) -> None:
    depth = 0
    for index, word in enumerate(tokens.words):
        depth += (word in _OPENING) - (word in _CLOSING)
        if depth > MAX_DEPTH:
            raise ExcessProblem(f"a policy nests at most {MAX_DEPTH} brackets deep", tokens.span(index, index))


def _begin(text: str, start: int) -> int:
    leading = _LEADING.match(text, start)
    return leading.end() if leading else start


def _end(text: str, begin: int) -> int:
    for part in STATEMENT_PART.finditer(text, begin):
        if part[0] == ";":
            return part.end()
    return len(text)
