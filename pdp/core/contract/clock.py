"""Time and randomness, as arguments; the edges make one from the machine's."""

from collections.abc import Callable
from dataclasses import dataclass

from pdp.core.contract.identifier import uuid7


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is Unix seconds, `steady` seconds on a clock that never steps, `randomness` n bytes of it."""

    wall: Callable[[], float]
    steady: Callable[[], float]
    randomness: Callable[[int], bytes]

    def identifier(self) -> str:
        """A new UUIDv7."""
        return uuid7(unix_ms=int(self.wall() * 1000), randomness=self.randomness(10))
