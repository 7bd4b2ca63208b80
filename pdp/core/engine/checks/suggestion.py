"""Which known name somebody may have meant."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_BUDGET: Final = 100_000
"""Names compared in one compilation: a second's worth. A thousand mistyped names need no thousand suggestions."""


class Suggestions:
    """Suggests, as long as its budget lasts; asked the same again it answers the same."""

    def __init__(self) -> None:
        self._left = _BUDGET
        self._known: dict[str, str] = {}

    def for_name(self, name: str, *, among: Collection[str]) -> str:
        """`; did you mean ...?` with the nearest name, "" where none is near."""
        if name not in self._known:
            if len(among) > self._left:
                return ""
            self._left -= len(among)
            near = get_close_matches(name, sorted(among), n=1, cutoff=0.6)
            self._known[name] = f"; did you mean `{near[0]}`?" if near else ""
        return self._known[name]
