"""When to try again what failed: at once, then after ever longer waits."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Waits in seconds: none after one failure, `first` after two, doubling up to `longest`."""

    first: float = 0.5
    longest: float = 30.0
    _failures: int = 0
    _not_before: float = 0.0

    def failed(self, *, now: float) -> None:
        """Note a failure."""
        self._failures += 1
        exponent = min(self._failures - 2, 32)
        wait = 0.0 if exponent < 0 else min(self.longest, self.first * 2.0**exponent)
        self._not_before = now + wait

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self._failures, self._not_before = 0, 0.0

    def wait(self, *, now: float) -> float:
        """Seconds until the next try may be made."""
        return max(0.0, self._not_before - now)
