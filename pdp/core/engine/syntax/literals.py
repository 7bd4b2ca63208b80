r"""What Cedar's literals mean: strings with their escapes, patterns of `like`, integers.

The escapes are Rust's; `\*` is one in patterns alone, and there any other way to write `*` is a wildcard.
"""

import re
from collections.abc import Iterator
from typing import Final

from pdp.core.engine.cedar import pst

LONG_MAX: Final = 2**63 - 1

_PIECE: Final = re.compile(
    r"\\x(?P<ascii>[0-7][0-9A-Fa-f])|\\u\{(?P<unicode>[0-9A-Fa-f][0-9A-Fa-f_]*+)\}|\\(?P<simple>[nrt0\\'\"])"
    r"|(?P<star>\\\*)|(?P<plain>[^\\\r]++)|(?P<bad>\\u\{[^}\"]{0,10}\}?|\\x.{0,2}|\\.|\r)",
    re.DOTALL,
)
_SIMPLE: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
_MAX_DIGITS: Final = 6
_MAX_CODE_POINT: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_WILDCARD: Final = pst.Wildcard()


class EscapeError(ValueError):
    """A literal has an escape that Cedar does not know, at [start, end) of the word; the message says what to write."""

    def __init__(self, message: str, piece: re.Match[str]) -> None:
        super().__init__(message)
        self.start, self.end = piece.start() + 1, piece.end() + 1


def string_value(word: str) -> str:
    """The text that the string literal `word` stands for.

    Raises:
        EscapeError: an escape is none.

    """
    body = word[1:-1]
    if "\\" not in body and "\r" not in body:
        return body
    return "".join(_text(piece) for piece in _pieces(body))


def pattern_value(word: str) -> tuple[pst.PatternElem, ...]:
    """The pattern that the string literal `word` stands for.

    Raises:
        EscapeError: an escape is none.

    """
    return tuple(element for piece in _pieces(word[1:-1]) for element in _elements(piece))


def integer_value(word: str) -> int | None:
    """The number that the digits `word` stand for, None when it is over 2^63."""
    digits = word.lstrip("0")
    value = int(digits or "0") if len(digits) <= len(str(LONG_MAX)) else LONG_MAX + 2
    return value if value <= LONG_MAX + 1 else None


def _pieces(body: str) -> Iterator[re.Match[str]]:
    for piece in _PIECE.finditer(body):
        if piece["bad"] is not None:
            raise EscapeError(_advice(piece["bad"]), piece)
        yield piece


def _elements(piece: re.Match[str]) -> Iterator[pst.PatternElem]:
    if piece["star"]:
        yield pst.Char("*")
        return
    for character in _text(piece):
        yield _WILDCARD if character == "*" else pst.Char(character)


def _text(piece: re.Match[str]) -> str:
    match piece.lastgroup:
        case "plain":
            return piece[0]
        case "simple":
            return _SIMPLE[piece["simple"]]
        case "ascii":
            return chr(int(piece["ascii"], 16))
        case "unicode":
            return _unicode(piece)
        case _:
            raise EscapeError(r"`\*` is an escape in the pattern of a `like` alone; here write `*`", piece)


def _unicode(piece: re.Match[str]) -> str:
    digits = piece["unicode"].replace("_", "")
    code = int(digits, 16) if len(digits) <= _MAX_DIGITS else _MAX_CODE_POINT + 1
    if code > _MAX_CODE_POINT or code in _SURROGATES:
        raise EscapeError(rf"`\u{{{digits[:10]}}}` is no Unicode character", piece)
    return chr(code)


def _advice(escape: str) -> str:
    if escape == "\r":
        return r"a text holds no carriage return: write `\r`, or `\n` for the end of a line"
    if escape.startswith("\\x"):
        return r"`\x` takes two hexadecimal digits up to `7f`; other characters are written `\u{...}`"
    if escape.startswith("\\u"):
        return r"`\u` takes one to six hexadecimal digits in braces, as in `\u{e9}`"
    return rf"there is no escape `{escape if escape.isprintable() else chr(92)}`: a backslash is written `\\`"
