"""The bounds of a spool."""

from dataclasses import dataclass
from typing import Self

from pdp.core.settings.spool import SpoolSettings


@dataclass(frozen=True, slots=True)
class SpoolBounds:
    """Sizes are bytes, times seconds.

    While `max_bytes` wait for delivery, a new record waits up to `max_wait` for room, then is refused. What is
    written reaches the disk within `sync_interval`. A segment that has `segment_bytes` takes no more. Closing
    goes on delivering for up to `drain`. A record waits `linger` for others to go with it; after a failure nothing is
    delivered for `first_pause`, after more for ever longer, up to `longest_pause`.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_wait: float = 2.0
    sync_interval: float = 0.2
    segment_bytes: int = 8 * 1024 * 1024
    drain: float = 5.0
    linger: float = 0.02
    first_pause: float = 0.1
    longest_pause: float = 10.0

    @classmethod
    def of(cls, settings: SpoolSettings) -> Self:
        """The bounds that `settings` has."""
        return cls(settings.max_bytes, settings.max_wait, settings.sync_interval)
