"""Header values that are lists of `name=value` pairs: `Forwarded` (RFC 7239, section 4) and its relatives."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

Pairs: TypeAlias = Sequence[tuple[str, str]]

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED: Final = r'"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+)"'
_END: Final = r"[ \t]*+([;,]|\Z)"
# Possessive throughout: no value, however long, is looked at more than a few times.
_RFC_7239: Final = re.compile(rf"[ \t]*+(?:({_WORD})=(?:({_WORD})|{_QUOTED}))?+{_END}")
_LOOSE: Final = re.compile(rf"[ \t]*+(?:({_WORD})=(?:([^\x00-\x20\",;\x7f]++|(?=[;,]|\Z))|{_QUOTED}))?+{_END}")
_ESCAPED: Final = re.compile(r"\\(.)")


class ParameterListError(ValueError):
    """The value is no such list."""


def forwarded_elements(value: str) -> Sequence[Pairs]:
    """The elements of a `Forwarded`, names in lower case; empty ones are left out.

    Raises:
        ParameterListError: it is malformed anywhere, or an element has a name twice.

    """
    return [_named_once(pairs) for pairs in _elements(value, _RFC_7239)]


def loose_elements(value: str) -> Sequence[Pairs]:
    """As `forwarded_elements`, where what is not quoted may be any visible text and names may come twice."""
    return list(_elements(value, _LOOSE))


def _elements(value: str, grammar: re.Pattern[str]) -> Iterator[Pairs]:
    pairs: list[tuple[str, str]] = []
    position = 0
    while True:
        match = grammar.match(value, position)
        if match is None:
            raise ParameterListError("malformed")
        name, bare, quoted, end = match.groups()
        if name is not None:
            pairs.append((name.lower(), bare if quoted is None else _ESCAPED.sub(r"\1", quoted)))
        if end != ";":
            if pairs:
                yield pairs
            pairs = []
        if not end:
            return
        position = match.end()


def _named_once(pairs: Pairs) -> Pairs:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ParameterListError("a name comes twice in one element")
    return pairs
