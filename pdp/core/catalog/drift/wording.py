"""What changed in a text or value, quoted so that all of it is seen, within bounds."""

import re
from collections.abc import Iterable
from typing import Any, Final

from pdp.core.contract.exact_json import canonical
from pdp.core.text.hidden_text import shown

_MAX_VALUE: Final = 80
_MAX_PROSE: Final = 200
_MAX_LISTED: Final = 3
_MAX_WORD: Final = 40
_SENTENCE: Final = re.compile(r"(?<=[.!?\n])\s+|\n+")


def quoted(value: Any) -> str:
    """`value` as JSON, all of it seen, cut where it is long."""
    return f"`{shown(canonical(value).decode(), most=_MAX_VALUE)}`"


def told(text: Any) -> str:
    """A description or the like as it is seen, cut where it is long; what is no text, as JSON."""
    return _prose(text) if isinstance(text, str) else quoted(text)


def named(name: str) -> str:
    """A member's name as it is seen, cut where it is long."""
    return f"`{shown(name, most=_MAX_VALUE)}`"


def listed(values: Iterable[str], *, most: int = _MAX_LISTED) -> str:
    """The first of `values`, and how many more there are."""
    all_of_them = list(values)
    more = f" and {len(all_of_them) - most} more" if len(all_of_them) > most else ""
    return ", ".join(all_of_them[:most]) + more


def reworded(approved: str, *, offered: str) -> str:
    """What of a text is another: the part that differs, or the sentences that were added and removed."""
    before, after = _middles(approved, offered)
    if max(len(before), len(after)) <= _MAX_PROSE:
        return _replaced(before, after)
    old, new = _sentences(approved), _sentences(offered)
    gone, come = [each for each in old if each not in new], [each for each in new if each not in old]
    parts = [f"{verb} {listed(map(_prose, part))}" for verb, part in (("added", come), ("removed", gone)) if part]
    return "; ".join(parts) or _replaced(before, after)


def _replaced(before: str, after: str) -> str:
    if not before:
        return f"{_prose(after)} added"
    return f"{_prose(before)} removed" if not after else f"{_prose(before)} became {_prose(after)}"


def _prose(text: str) -> str:
    return f"`{shown(text.strip() or text, most=_MAX_PROSE)}`"


def _sentences(text: str) -> dict[str, None]:
    return dict.fromkeys(each for each in _SENTENCE.split(text) if each)


def _middles(one: str, other: str) -> tuple[str, str]:
    """What is left of two texts without the words at the start and end that they share."""
    start = _whole_words(one, other, _shared(one, other))
    backwards = one[::-1], other[::-1]
    end = _whole_words(*backwards, min(_shared(*backwards), min(len(one), len(other)) - start))
    return one[start : len(one) - end], other[start : len(other) - end]


def _whole_words(one: str, other: str, shared: int) -> int:
    """So many of the `shared` characters at the start that no word is broken, if it is a short one."""
    if all(each[shared : shared + 1].strip() == "" for each in (one, other)):
        return shared
    broken = one[max(0, shared - _MAX_WORD) : shared]
    kept = len(broken) - len(broken.split()[-1]) if broken and not broken[-1].isspace() else len(broken)
    return shared - len(broken) + kept if kept or shared < _MAX_WORD else shared


def _shared(one: str, other: str) -> int:
    """How many characters two texts share at their start."""
    differing = (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))
