"""The interpreter of a process that serves: its pauses are those of every request."""

import gc
import sys
from typing import Final

_SWITCH_SECONDS: Final = 0.0005


def prepare_to_serve() -> None:
    """Spare what stays, and let threads take turns quickly; called once, before the first request.

    All objects that there are now (libraries, catalog, policies) are taken out of later collections: walking them
    again and again finds nothing and makes p99 longer. A thread that has waited for the disk is let on after half a
    millisecond instead of 5, since durable answers wait for it (both measured in docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)
