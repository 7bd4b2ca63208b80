"""Identifiers that sort by time (UUIDv7, RFC 9562 section 5.7)."""

import uuid
from datetime import UTC, datetime


def uuid7(*, unix_ms: int, randomness: bytes) -> str:
    """A UUIDv7 of `unix_ms` milliseconds and 10 bytes of randomness."""
    value = (unix_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(randomness[:10], "big")
    value &= ~(0xF << 76)
    value |= 0x7 << 76
    value &= ~(0x3 << 62)
    value |= 0x2 << 62
    return str(uuid.UUID(int=value))


def rfc3339(unix_seconds: float) -> str:
    """UTC with milliseconds, as `2026-07-28T09:00:00.000Z` (RFC 3339)."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_seconds(instant: str) -> float:
    """The Unix seconds of an RFC 3339 time.

    Raises:
        ValueError: it is none, or does not say its offset from UTC.

    """
    moment = datetime.fromisoformat(instant)
    if moment.tzinfo is None:
        raise ValueError("the time does not say its offset from UTC")
    return moment.timestamp()
