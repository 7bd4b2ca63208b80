"""Text of others on a terminal: nothing in it can act there."""

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """`text` with every character that is not shown, or moves others, as an escape; no two look alike."""
    return "".join(_visible(character) for character in text)


def harmless(line: str) -> str:
    """A line of a file as it is, but for characters that could act on a terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in line)


def legible(text: str) -> str:
    """`text` as `visible`, but with backslashes as they are: for people to read, not to tell apart."""
    return "".join(character if character == "\\" else _visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
