"""Time and randomness, as arguments: the one place where an enforcer reads either."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from pdp.core.contract.identifier import uuid7


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is Unix seconds, `steady` seconds on a clock that never steps and runs during suspend."""

    wall: Callable[[], float]
    steady: Callable[[], float]

    def identifier(self) -> str:
        """A new UUIDv7."""
        return uuid7(unix_ms=int(self.wall() * 1000), randomness=secrets.token_bytes(10))


def system_clock() -> Clock:
    """The machine's clocks."""
    return Clock(wall=time.time, steady=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))  # noqa: TID251 - the edge
