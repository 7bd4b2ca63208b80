"""Garbage collection in a process that serves: its pauses are those of every request."""

import gc


def spare_what_stays() -> None:
    """Take all objects that there are now out of later collections: libraries, catalog, policies.

    Called once, before the first request. Walking them again and again finds nothing and makes p99
    longer (docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
