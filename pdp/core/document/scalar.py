"""Scalars of `toolgate.yaml`: what unquoted text stands for, and which characters no setting may hold."""

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
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
    """The first character of `text` that no setting may hold: controls, lone surrogates, noncharacters."""
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
