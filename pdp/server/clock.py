"""The machine's clocks: the one place where the decision point reads time and randomness."""

import secrets
import time

from pdp.core.contract.clock import Clock

__all__ = ["Clock", "system_clock"]


def system_clock() -> Clock:
    """Durations count on the finest clock that never steps."""
    return Clock(time.time, time.perf_counter, secrets.token_bytes)  # noqa: TID251 - the edge
