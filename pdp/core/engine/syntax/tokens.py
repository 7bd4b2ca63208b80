r"""Cedar's tokens, as Cedar's own lexer finds them.

White space is Unicode's `White_Space`, not Python's `\s`; a comment ends at a line feed or a carriage
return; a string may span lines, but no backslash may stand at a line's end. (Source: `grammar.lalrpop`.)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pdp.core.engine.syntax.span import Span

END: Final = ""
"""The word after the last one."""

_SPACE: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SKIPPED: Final = rf"(?:[{_SPACE}]++|//[^\n\r]*+)*+"
_STRING: Final = r'"(?:\\[^\n]|[^"\\])*+'
_MARK: Final = r"[=!<>]=|&&|\|\||::|[@.,;:(){}\[\]<>+\-*/%!=]"
_TOKEN: Final = re.compile(
    rf'({SKIPPED})(?:({_STRING}"|[A-Za-z_][A-Za-z0-9_]*+|[0-9]++|\?[A-Za-z_][A-Za-z0-9_]*+|{_MARK})|({_STRING}|.)|\Z)',
    re.DOTALL,
)
STATEMENT_PART: Final = re.compile(rf'{_STRING}"?|//[^\n\r]*+|;')
"""All that can hold or be the `;` that ends a statement. An open string holds all that follows."""

LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
DIGITS: Final = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of `text`: `words[i]` as written, `END` last; `stray` is the index of the first that is none."""

    text: str
    words: Sequence[str]
    stray: int | None
    _starts: list[int] = field(default_factory=list, compare=False, repr=False)

    def span(self, first: int, last: int) -> Span:
        """From the start of token `first` to the end of token `last`."""
        starts = self._starts
        if not starts:
            starts.extend(match.end() - len(_word(match)) for match in _TOKEN.finditer(self.text))
        end = starts[last] + len(self.words[last])
        return Span(starts[first], max(starts[first], end))


def lex(text: str) -> Tokens:
    """The tokens of `text`; never fails."""
    found = _TOKEN.findall(text)
    words = [word or stray for _, word, stray in found]
    while len(words) > 1 and words[-2] == END:
        words.pop()
    strays = (index for index, (_, _, stray) in enumerate(found) if stray)
    return Tokens(text, words, next(strays, None))


def _word(match: re.Match[str]) -> str:
    return match[2] or match[3] or END
