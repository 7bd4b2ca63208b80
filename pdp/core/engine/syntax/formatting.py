"""Policies in one layout: Cedar's for each policy, ours for what stands between them.

INVARIANT: a text is given out only where it has the same words and the same comments as what came in.
"""

import re
from collections.abc import Sequence
from typing import Final

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.engine import cedar
from pdp.core.engine.syntax.reading import read_files
from pdp.core.engine.syntax.source import Statement, extents, statements
from pdp.core.engine.syntax.tokens import DIGITS, END, comments_of, lex, spans_of

WIDTH: Final = 120
INDENT: Final = 4

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_CLOSING: Final = frozenset(")]}")


def formatted(raw: bytes, *, file: str) -> str:
    """The policies of `raw` in our layout; lines end with a line feed alone.

    Raises:
        ConfigurationError: with every problem that keeps them from being read, or each policy that the formatter
            would not keep whole.

    """
    problems = read_files({file: raw})[1]
    if problems:
        raise ConfigurationError(problems)
    text = raw.decode()
    written = [_written(statement, problems) for statement in statements(text, file=file)]
    if problems:
        raise ConfigurationError(problems)
    after = _joined(text, written)
    if _lost(_stream(text), _stream(after)) is not None:
        raise ConfigurationError([Problem(file, 0, 0, "not_formattable", "the formatter would lose a comment")])
    return after


def _written(statement: Statement, problems: list[Problem]) -> str:
    """The statement in Cedar's layout, or a problem where that would lose something."""
    try:
        after = cedar.format_policy(statement.text, width=WIDTH, indent=INDENT)
    except ValueError as error:
        _report(statement, 0, f"Cedar's formatter refuses this policy: {error}", problems)
        return statement.text
    lost = _lost(_stream(statement.text), _stream(after))
    if lost is not None:
        _report(statement, lost, "Cedar's formatter would lose this: put the comment on another line", problems)
    return after


def _report(statement: Statement, offset: int, message: str, problems: list[Problem]) -> None:
    place = statement.place(offset)
    problems.append(Problem(statement.file, place.line, place.column, "not_formattable", message))


def _lost(before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]) -> int | None:
    """Where `before` has a word or comment that is not next in `after`, None when both have the same."""
    for index, (start, item) in enumerate(before):
        if index >= len(after) or after[index][1] != item:
            return start
    return None if len(before) == len(after) else 0


def _stream(text: str) -> list[tuple[int, str]]:
    """The words and comments of `text` with their starts, but for what has no meaning: last commas, leading zeros."""
    words = lex(text).words
    spans = spans_of(text)
    items = list(comments_of(text))
    for index, word in enumerate(words):
        if word != END and not (word == "," and words[index + 1] in _CLOSING):
            items.append((spans[index].start, word.lstrip("0") or "0" if word[0] in DIGITS else word))
    return sorted(items)


def _joined(text: str, written: Sequence[str]) -> str:
    """`written` with the comments that stand between the statements of `text`."""
    lines: list[str] = []
    end = 0
    for (begin, following), statement in zip(extents(text), written, strict=True):
        _between(text[end:begin], lines)
        lines.append(statement)
        end = following
    _between(f"{text[end:]}\n", lines)
    while lines and not lines[-1]:
        lines.pop()
    return "".join(f"{line}\n" for line in lines)


def _between(gap: str, lines: list[str]) -> None:
    """Add the comments of `gap`: after a policy an empty line, elsewhere one where there were any."""
    beside, *below = (line.strip() for line in _LINE_END.split(gap))
    if lines:
        lines[-1] = f"{lines[-1]} {beside}".rstrip()
        lines.append("")
    else:
        below = [beside, *below]
    for line in below[:-1]:
        if line or (lines and lines[-1]):
            lines.append(line)
