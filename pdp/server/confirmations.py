"""Which generation enforcers say that they use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.clock import Clock

MAX_HELD: Final = 10_000
"""Enforcers whose word is remembered; there are as many as were configured, so this is for mistakes."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A generation that is in use, and when that was last said, in Unix seconds."""

    generation: int
    at: float


class Confirmations:
    """Remembers the last word of each enforcer, by the name that its credential gives it."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, Confirmation] = {}

    def take(self, enforcer: str, generation: int) -> None:
        """Remember that the enforcer of that name uses `generation`."""
        if enforcer in self._last or len(self._last) < MAX_HELD:
            self._last[enforcer] = Confirmation(generation, self._clock.wall())

    def age(self, confirmation: Confirmation) -> float:
        """Seconds since `confirmation` was said."""
        return max(0.0, self._clock.wall() - confirmation.at)

    def last(self) -> Mapping[str, Confirmation]:
        """The last word of each, by name."""
        return dict(sorted(self._last.copy().items()))
