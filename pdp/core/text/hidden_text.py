"""Hidden text: characters that a person does not see and a model reads, or that change what a person sees.

Each is legal where it belongs to what is seen (`legal_text.py` says where). Direction marks (U+200E, U+200F,
U+061C) are refused beside right-to-left text too: it reads without them, and with them it is shown in an
order that nobody reviewed.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from pdp.core.text.legal_text import legal_positions
from pdp.core.text.place import values_in


class HiddenKind(StrEnum):
    """What sort of character it is."""

    TAG = "tag"
    DIRECTION = "direction"
    ZERO_WIDTH = "zero width"
    VARIATION = "variation selector"
    SOFT_HYPHEN = "soft hyphen"
    BLANK = "blank letter"
    FORMAT = "format"
    CONTROL = "control"
    PRIVATE = "private use"
    NONCHARACTER = "noncharacter"
    SURROGATE = "surrogate"
    UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True)
class Hidden:
    """One hidden character: `position` counts characters from 0, `name` is Unicode's, "" where it has none."""

    position: int
    code_point: int
    kind: HiddenKind
    name: str

    def __str__(self) -> str:
        return f"U+{self.code_point:04X} {self.name or self.kind}"


@dataclass(frozen=True, slots=True)
class HiddenPlace:
    """A text, or a member's name, with hidden characters (the first 20): `where` is a JSON Pointer to it."""

    where: str
    found: tuple[Hidden, ...]


_MAX_PLACES: Final = 100
_MAX_FOUND: Final = 20
_NAMES: Final = frozenset({"name", "title", "uri", "uriTemplate"})
_SURELY_SEEN: Final = (
    " -~\u00a1-\u00ac\u00ae-\u02ff\u0400-\u052f\u2010-\u2027\u2030-\u205e"
    "\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
)
_IN_TEXT: Final = re.compile(f"[^\n\t\r{_SURELY_SEEN}]")
_IN_NAME: Final = re.compile(f"[^{_SURELY_SEEN}]")
_ESCAPED: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}

_KINDS: Final[tuple[tuple[HiddenKind, re.Pattern[str]], ...]] = (
    (HiddenKind.TAG, re.compile("[\U000e0000-\U000e007f]")),
    (HiddenKind.DIRECTION, re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")),
    (HiddenKind.ZERO_WIDTH, re.compile("[\u034f\u180e\u200b-\u200d\u2060\ufeff]")),
    (HiddenKind.VARIATION, re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")),
    (HiddenKind.SOFT_HYPHEN, re.compile("\u00ad")),
    (HiddenKind.BLANK, re.compile("[\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")),
)
_CATEGORIES: Final[Mapping[str, HiddenKind]] = {
    "Cc": HiddenKind.CONTROL,
    "Zl": HiddenKind.CONTROL,
    "Zp": HiddenKind.CONTROL,
    "Cf": HiddenKind.FORMAT,
    "Co": HiddenKind.PRIVATE,
    "Cs": HiddenKind.SURROGATE,
    "Cn": HiddenKind.UNASSIGNED,
}
_SEEN: Final = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U0001f000-\U0001faff]")
"""Signs that enclose digits are seen though they are format characters; where emoji are added each year, what
this Python's Unicode does not know yet is seen too."""
_NONCHARACTERS: Final = range(0xFDD0, 0xFDF0)


def hidden_in(text: str) -> list[Hidden]:
    """What is hidden in a text of several lines."""
    return list(_scan(text, _IN_TEXT))


def hidden_in_name(name: str) -> list[Hidden]:
    """What is hidden in a name: a line's end and a tab are, too."""
    return list(_scan(name, _IN_NAME))


def hidden_in_definition(content: Mapping[str, Any]) -> list[HiddenPlace]:
    """What is hidden in any text of `content` and any member's name, by place; the first 100 places."""
    if not _may_hide(content):
        return []
    places = islice(_places(content), _MAX_PLACES)
    return sorted(places, key=lambda place: place.where)


def shown(text: str, *, most: int | None = None) -> str:
    r"""`text` in one line in which all is seen: `<U+200B>` for what is hidden, `\n` for a line's end.

    With `most`, at most that many characters of `text` and `…` for the rest.
    """
    cut = text if most is None or len(text) <= most else text[:most]
    if not _IN_NAME.search(cut):
        return cut if len(cut) == len(text) else f"{cut}…"
    characters = list(cut)
    for each in _scan(cut, _IN_NAME):
        characters[each.position] = _ESCAPED.get(cut[each.position], f"<U+{each.code_point:04X}>")
    return "".join(characters) + ("" if len(cut) == len(text) else "…")


def _may_hide(content: Mapping[str, Any]) -> bool:
    """Whether there is anything to look for: most definitions have nothing, and this is told faster than places."""
    names, texts = [str(content[member]) for member in _NAMES if member in content], []
    left: list[Any] = [content]
    while left:
        value = left.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict):
            names += value
            left += value.values()
        elif isinstance(value, list):
            left += value
    return bool(_IN_NAME.search(" ".join(names)) or _IN_TEXT.search(" ".join(texts)))


def _places(content: Mapping[str, Any]) -> Iterator[HiddenPlace]:
    for place, depth, value in values_in(content):
        if isinstance(value, str):
            among = _IN_NAME if depth == 1 and place.step in _NAMES else _IN_TEXT
            found = tuple(islice(_scan(value, among), _MAX_FOUND))
            if found:
                yield HiddenPlace(str(place), found)
        if isinstance(place.step, str):
            found = tuple(islice(_scan(place.step, _IN_NAME), _MAX_FOUND))
            if found:
                yield HiddenPlace(str(place), found)


def _scan(text: str, among: re.Pattern[str]) -> Iterator[Hidden]:
    first = among.search(text)
    if first is None:
        return
    legal = legal_positions(text)
    for match in among.finditer(text, first.start()):
        character = match[0]
        kind = _kind(character)
        if kind is not None and match.start() not in legal:
            yield Hidden(match.start(), ord(character), kind, unicodedata.name(character, ""))


def _kind(character: str) -> HiddenKind | None:
    """The sort of a hidden character, None for one that is seen."""
    category = unicodedata.category(character)
    if category not in _CATEGORIES and category not in {"Mn", "Lo", "So"}:
        return None
    special = next((kind for kind, characters in _KINDS if characters.match(character)), None)
    if special is not None:
        return special
    if category not in _CATEGORIES or _SEEN.match(character):
        return None
    if category == "Cn" and (ord(character) in _NONCHARACTERS or ord(character) & 0xFFFE == 0xFFFE):  # noqa: PLR2004
        return HiddenKind.NONCHARACTER
    return _CATEGORIES[category]
