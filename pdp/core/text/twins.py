"""Twins: names that a reader or a model takes for one.

Two names are twins when they are equal but for case, separators (`-`, `_`, `.`, `/`, `:`, space), invisible
characters, accents, compatibility forms (NFKD) and look-alikes: letters of other scripts (UTS 39), `0`/`O`,
`1`/`l`/`I`, `rn`/`m`, `vv`/`w`. A separator between two digits is kept: `v1_2` is not `v12`.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, pairwise, zip_longest
from typing import Final

from pdp.core.text.look_alikes import LOOK_ALIKES

_IGNORED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SEPARATING: Final = frozenset({"Pc", "Pd", "Zs", "Zl", "Zp"})
_SEPARATORS: Final = frozenset("-_./:\\·\u2044\u2212\u2215\u2219\u22c5\u30fb\u2800\n\t\r")
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_BETWEEN: Final = re.compile(r"-+")
_ACCENTED: Final = re.compile("(?<=[a-z])[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_PAIRS: Final = (("rn", "m"), ("vv", "w"))


def skeletons(name: str) -> frozenset[str]:
    """What `name` is read as, one or two texts; names are twins when they have one in common.

    Two, for a capital may be read by its sound or by its form: `Info` is `info`, and it is `lnfo`.
    """
    plain = _separated(unicodedata.normalize("NFKD", name))
    by_sound, by_form = plain.casefold(), plain.translate(LOOK_ALIKES).casefold()
    return frozenset({_read(by_sound), _read(by_form)})


class Names:
    """Names among which a twin of another can be found."""

    def __init__(self, names: Iterable[str]) -> None:
        self._first: dict[str, list[str]] = {}
        for name in sorted(set(names)):
            for skeleton in skeletons(name):
                self._first.setdefault(skeleton, []).append(name)

    def twin_of(self, name: str) -> str | None:
        """The first of the names that is a twin of `name` and not `name` itself, None when there is none."""
        found = {twin for skeleton in skeletons(name) for twin in self._first.get(skeleton, ())[:2]}
        return min(found - {name}, default=None)


def twins(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The groups of at least two different names that are taken for one, sorted."""
    read_as = {name: skeletons(name) for name in sorted(set(names))}
    groups = _Groups(read_as.values())
    found: dict[str, list[str]] = {}
    for name, read in read_as.items():
        found.setdefault(groups.of(min(read)), []).append(name)
    return tuple(tuple(group) for group in found.values() if len(group) > 1)


class _Groups:
    """Skeletons that one name has are of one group."""

    def __init__(self, together: Iterable[frozenset[str]]) -> None:
        self._towards: dict[str, str] = {}
        for skeletons_of_one in together:
            first, *rest = sorted(skeletons_of_one)
            for each in rest:
                self._towards[self.of(each)] = self.of(first)

    def of(self, skeleton: str) -> str:
        """The skeleton that stands for the group."""
        at = skeleton
        while (towards := self._towards.get(at, at)) != at:
            # Halving the way keeps it short (union-find), whatever names there are.
            self._towards[at] = beyond = self._towards.get(towards, towards)
            at = beyond
        return at


def _separated(name: str) -> str:
    """`name` without what is not seen, `-` for separators, and these only between digits."""
    seen = "".join(map(_seen, _UNSEEN.sub("", name)))
    parts = [part for part in _BETWEEN.split(seen) if part]
    kept = ("-" if one[-1].isdecimal() and other[0].isdecimal() else "" for one, other in pairwise(parts))
    return "".join(chain.from_iterable(zip_longest(parts, kept, fillvalue="")))


def _seen(character: str) -> str:
    if character in _SEPARATORS:
        return "-"
    category = unicodedata.category(character)
    if category in _SEPARATING:
        return "-"
    return "" if category in _IGNORED else character


def _read(folded: str) -> str:
    text = _ACCENTED.sub("", folded.translate(LOOK_ALIKES))
    for pair, letter in _PAIRS:
        text = text.replace(pair, letter)
    return text
