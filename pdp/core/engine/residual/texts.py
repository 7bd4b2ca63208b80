"""Texts for every combination of patterns that a text can match."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from pdp.core.engine.expression.pattern import Pattern
from pdp.core.engine.residual.completeness import Completeness

MAX_STATES: Final = 2_000
MAX_TEXTS: Final = 256
_HELD: Final = 1024
_FRESH: Final = "xzqjkwvyupo0123456789"
_PRIVATE: Final = 0xE000

_State: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Automaton:
    """A pattern with a wildcard, read character by character; a state is a bit for each part reached."""

    characters: dict[str, int]
    wildcards: int
    accepting: int

    @staticmethod
    def of(pattern: Pattern) -> "_Automaton":
        first, *middle, last = pattern.texts
        characters: dict[str, int] = {}
        wildcards = position = 0
        for number, text in enumerate([first, *filter(None, middle), last]):
            if number:
                wildcards |= 1 << position
                position += 1
            for character in text:
                characters[character] = characters.get(character, 0) | 1 << position
                position += 1
        return _Automaton(characters, wildcards, 1 << position)

    def start(self) -> int:
        return self._closed(1)

    def step(self, state: int, character: str) -> int:
        moved = (state & self.characters.get(character, 0)) << 1
        return self._closed(moved | state & self.wildcards)

    def awaited(self, state: int) -> Iterator[str]:
        """The characters that lead further than any other would."""
        return (character for character, positions in self.characters.items() if state & positions)

    def _closed(self, state: int) -> int:
        """What the last wildcard reached admits, everything before it admits too."""
        state |= (state & self.wildcards) << 1
        reached = (state & self.wildcards).bit_length()
        return state >> reached - 1 << reached - 1 if reached else state


def likely_texts(patterns: Sequence[Pattern], literals: Sequence[str], *, each: int) -> tuple[str, ...]:
    """A text for each pattern, `literals`, and `each` that are nothing of all this: found without a search."""
    named = [*literals, *(part for pattern in patterns for part in pattern.texts)]
    fresh = _unused({character for text in named for character in text}, count=each)
    return tuple(dict.fromkeys([*(fresh[0].join(pattern.texts) for pattern in patterns), *literals, *fresh]))


@lru_cache(_HELD)
def texts(
    patterns: tuple[Pattern, ...], literals: tuple[str, ...], *, each: int
) -> tuple[tuple[str, ...], Completeness]:
    """`literals`, and for every set of `patterns` that some text matches and no other, `each` more such texts.

    Incomplete where that takes too long, or where texts of one set may be missing.
    """
    kept = dict.fromkeys(literals)
    automata = []
    for pattern in dict.fromkeys(patterns):
        if len(pattern.texts) == 1:
            kept[pattern.texts[0]] = None
        else:
            automata.append(_Automaton.of(pattern))
    used = {character for text in kept for character in text}.union(*(one.characters for one in automata))
    fresh = _unused(used, count=each)
    found, completeness = _explored(automata, fresh[0])
    for shortest in found.values():
        if fresh[0] in shortest:
            kept.update(dict.fromkeys(shortest.replace(fresh[0], other) for other in fresh))
        else:
            # Without a place for just any character there are few such texts, and this may be one of several.
            several = each > 1 or shortest in kept
            completeness = Completeness.PARTIAL if several else completeness
            kept[shortest] = None
    return tuple(kept), completeness


def _explored(automata: Sequence[_Automaton], fresh: str) -> tuple[dict[_State, str], Completeness]:
    """A text for each set of automata that accept it, one with `fresh` in it where there is one."""
    start = tuple(one.start() for one in automata)
    seen = {(start, False)}
    waiting = deque([(start, "")])
    found: dict[_State, str] = {}
    while waiting:
        state, text = waiting.popleft()
        accepted = tuple(part & one.accepting for part, one in zip(state, automata, strict=True))
        if accepted not in found or (fresh in text and fresh not in found[accepted]):
            found[accepted] = text
        awaited = {character for part, one in zip(state, automata, strict=True) for character in one.awaited(part)}
        for character in (*sorted(awaited), fresh):
            following = tuple(one.step(part, character) for part, one in zip(state, automata, strict=True))
            key = following, fresh in text or character == fresh
            if key not in seen:
                if len(seen) >= MAX_STATES or len(found) >= MAX_TEXTS:
                    return found, Completeness.PARTIAL
                seen.add(key)
                waiting.append((following, text + character))
    return found, Completeness.FULL


def _unused(used: set[str], *, count: int) -> list[str]:
    found = [character for character in _FRESH if character not in used][:count]
    code = _PRIVATE
    while len(found) < count:
        if chr(code) not in used:
            found.append(chr(code))
        code += 1
    return found
