"""The machine's clocks: the one place where an enforcer reads time and randomness."""

import secrets
import time

from pdp.core.contract.clock import Clock


def system_clock() -> Clock:
    """Ages count on a clock that runs during suspend."""
    return Clock(
        wall=time.time,  # noqa: TID251 - the edge
        steady=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        randomness=secrets.token_bytes,
    )
