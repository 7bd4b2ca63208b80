"""Scalars: what unquoted text stands for, and which characters none may hold."""

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

# C0 and C1 controls (with U+0085), surrogates, noncharacters; line and paragraph separators, which YAML 1.1
# breaks lines at and YAML 1.2 does not; marks that change what a reader sees: byte order, text direction.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_WORDS: Final = MappingProxyType(
    {"": None, "~": None, "null": None, "Null": None, "NULL": None}
    | {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
)
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Unprintable:
    """A character that may not stand at `index`; `name` is its code point, `U+001B`."""

    index: int
    name: str


def unprintable(text: str) -> Unprintable | None:
    """The first character of `text` that no document may hold: unseen, or a line break to some readers only."""
    match = _UNPRINTABLE.search(text)
    return Unprintable(match.start(), f"U+{ord(match[0]):04X}") if match else None


def plain_value(text: str) -> Any:
    """What an unquoted scalar stands for in YAML 1.2's core schema: null, a truth value, a number, else text.

    Numbers that two readers could take for different ones stay text: leading zeros, other bases, more
    than 18 digits, infinities.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
