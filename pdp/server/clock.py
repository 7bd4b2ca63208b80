"""The machine's clocks: the one place where the decision point reads time and randomness."""

import os
import secrets
import time

from pdp.core.contract.clock import Clock, IdentifierRandomness

__all__ = ["Clock", "system_clock"]


def system_clock() -> Clock:
    """Durations count on the finest clock that never steps."""
    randomness = IdentifierRandomness(secrets.token_bytes)
    os.register_at_fork(after_in_child=randomness.forget)
    return Clock(time.time, time.perf_counter, randomness)  # noqa: TID251 - the edge
