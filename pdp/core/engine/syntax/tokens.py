r"""Cedar's tokens, as Cedar's own lexer finds them.

White space is Unicode's `White_Space`, not Python's `\s`; a comment ends at a line feed or a carriage
return; a string may span lines, but no backslash may stand at a line's end. (Source: `grammar.lalrpop`.)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pdp.core.engine.syntax.span import Span

END: Final = ""
"""The word after the last one."""

_SPACE: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SKIPPED: Final = rf"(?:[{_SPACE}]++|//[^\n\r]*+)*+"
_STRING: Final = r'"(?:\\[^\n]|[^"\\])*+'
_MARK: Final = r"[=!<>]=|&&|\|\||::|[@.,;:(){}\[\]<>+\-*/%!=]"
_KNOWN: Final = rf'{_STRING}"|[A-Za-z_][A-Za-z0-9_]*+|[0-9]++|\?[A-Za-z_][A-Za-z0-9_]*+|{_MARK}'
_WORD: Final = re.compile(rf"{SKIPPED}(?:({_KNOWN})|{_STRING}|.|\Z)", re.DOTALL)
_PLACED: Final = re.compile(rf"{SKIPPED}(?:(?P<known>{_KNOWN})|(?P<stray>{_STRING}|.)|(?P<end>\Z))", re.DOTALL)
STATEMENT_PART: Final = re.compile(rf'{_STRING}"?|//[^\n\r]*+|;')
"""All that can hold or be the `;` that ends a statement. An open string holds all that follows."""

_COMMENT: Final = re.compile(rf'{_STRING}"?|(//[^\n\r]*+)')

LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
DIGITS: Final = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of `text`: `words[i]` as written, `END` last; `stray` is what no token can be, the first of it."""

    text: str
    words: Sequence[str]
    stray: Span | None

    def span(self, first: int, last: int) -> Span:
        """From the start of token `first` to the end of token `last`."""
        spans = spans_of(self.text)
        return Span(spans[first].start, spans[last].end)


def lex(text: str) -> Tokens:
    """The tokens of `text`; never fails."""
    words = _WORD.findall(text)
    if words.index(END) == len(words) - 1:
        return Tokens(text, words, None)
    strays = (Span(*match.span("stray")) for match in _PLACED.finditer(text) if match["stray"])
    return Tokens(text, words, next(strays, None))


def spans_of(text: str) -> Sequence[Span]:
    """Where each token of `text` stands; the last is the empty one at the end."""
    return [Span(*match.span(match.lastgroup or 0)) for match in _PLACED.finditer(text)]


def comments_of(text: str) -> Sequence[tuple[int, str]]:
    """The comments of `text`, each with where it starts, without the white space at its end."""
    return [(match.start(), match[1].rstrip()) for match in _COMMENT.finditer(text) if match[1]]
