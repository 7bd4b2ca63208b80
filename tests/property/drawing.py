"""Choices made while something is generated: by hypothesis, or fast by a seed."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Draw(ABC):
    """A source of choices; the first option is the simplest one."""

    @abstractmethod
    def integer(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both among them."""

    def choice(self, options: Sequence[T]) -> T:
        """One of `options`."""
        return options[self.integer(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.integer(0, 99) >= 100 - percent

    def some(self, options: Sequence[T], *, least: int = 0, most: int) -> list[T]:
        """From `least` to `most` of `options`, none twice, in any order."""
        left = list(options)
        count = self.integer(least, min(most, len(left)))
        return [left.pop(self.integer(0, len(left) - 1)) for _ in range(count)]


class Seeded(Draw):
    """Choices that follow from a seed; for counting over many cases."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


class Drawn(Draw):
    """Choices by hypothesis, so that it can make a failing case smaller."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))
