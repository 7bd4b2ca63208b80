"""Identifiers that sort by time (UUIDv7, RFC 9562 section 5.7)."""

from datetime import UTC, datetime
from functools import lru_cache
from math import modf
from typing import Final

_VERSION_7: Final = 0x7 << 76 | 0x2 << 62
"""The version, and the variant."""
_FREE: Final = ~(0xF << 76 | 0x3 << 62)
"""All bits but these."""


def uuid7(*, unix_ms: int, randomness: bytes) -> str:
    """A UUIDv7 of `unix_ms` milliseconds and 10 bytes of randomness."""
    value = (unix_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(randomness[:10], "big")
    digits = f"{value & _FREE | _VERSION_7:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def rfc3339(unix_seconds: float) -> str:
    """UTC with milliseconds, as `2026-07-28T09:00:00.000Z` (RFC 3339)."""
    # As `datetime` has it: rounded to microseconds, then cut to milliseconds.
    fraction, whole = modf(unix_seconds)
    seconds, microseconds = divmod(round(fraction * 1_000_000), 1_000_000)
    return f"{_second(int(whole) + seconds)}.{microseconds // 1000:03}Z"


@lru_cache(16)
def _second(unix_seconds: int) -> str:
    """Most times that are written at once are of the same second."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat().removesuffix("+00:00")


def unix_seconds(instant: str) -> float:
    """The Unix seconds of an RFC 3339 time.

    Raises:
        ValueError: it is none, or does not say its offset from UTC.

    """
    moment = datetime.fromisoformat(instant)
    if moment.tzinfo is None:
        raise ValueError("the time does not say its offset from UTC")
    return moment.timestamp()
