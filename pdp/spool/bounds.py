"""The bounds of a spool."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpoolBounds:
    """Sizes are bytes, times seconds.

    While `max_bytes` wait for delivery, a new record waits up to `max_wait` for room, then is refused. What is
    written reaches the disk within `sync_interval`. A segment that has `segment_bytes` takes no more. Closing
    goes on delivering for up to `drain`.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_wait: float = 2.0
    sync_interval: float = 0.2
    segment_bytes: int = 8 * 1024 * 1024
    drain: float = 5.0
