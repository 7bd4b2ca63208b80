"""The machine's clocks: the one place where an enforcer reads time and randomness."""

import os
import secrets
import time

from pdp.core.contract.clock import Clock, IdentifierRandomness


def system_clock() -> Clock:
    """Ages count on a clock that runs during suspend."""
    randomness = IdentifierRandomness(secrets.token_bytes)
    os.register_at_fork(after_in_child=randomness.forget)
    return Clock(
        wall=time.time,  # noqa: TID251 - the edge
        steady=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        randomness=randomness,
    )
