"""How long something that has many parts may still take."""

from collections.abc import Callable


class Deadline:
    """`seconds` from now on the clock `steady`."""

    def __init__(self, seconds: float, *, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._end = steady() + seconds

    def left(self) -> float:
        """The seconds that are left, 0 when there are none."""
        return max(0.0, self._end - self._steady())
