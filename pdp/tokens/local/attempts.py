"""How often somebody may guess: a lock that grows with each failure, in bounded memory."""

import ipaddress
from dataclasses import dataclass
from typing import Final

import cachetools

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode

ENTRIES: Final = 10_000
"""Names whose failures are remembered; the one untouched for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Patience:
    """`free` failures cost nothing; then each locks for twice as long, `first` to `longest` seconds.

    After `forgotten` seconds without an attempt, failures count no more.
    """

    free: int
    first: float
    longest: float
    forgotten: float


BY_NAME: Final = Patience(free=5, first=2.0, longest=900.0, forgotten=3600.0)
BY_ADDRESS: Final = Patience(free=30, first=2.0, longest=900.0, forgotten=3600.0)
BY_MAIL: Final = Patience(free=3, first=300.0, longest=3600.0, forgotten=3600.0)
"""Mails to one address."""


@dataclass(frozen=True, slots=True)
class _Record:
    failures: int
    at: float
    locked_until: float


class Attempts:
    """Counts attempts by name, whether or not there is somebody of that name.

    An attempt counts as failed when it begins, so that many at once are no way around the lock. One made
    while locked is refused and does not count: nobody is kept out for longer by trying.
    """

    def __init__(self, patience: Patience, *, entries: int = ENTRIES) -> None:
        self._patience = patience
        self._records: cachetools.LRUCache[str, _Record] = cachetools.LRUCache(entries)

    def begin(self, name: str, *, now: float) -> None:
        """Count an attempt on `name` at `now`, in seconds of any clock.

        Raises:
            TokenError: `limit_exceeded`: it is locked.

        """
        patience, record = self._patience, self._records.get(name)
        if record is None or not 0 <= now - record.at < patience.forgotten:
            record = _Record(0, now, now)
        if now < record.locked_until:
            raise TokenError(ReasonCode.LIMIT_EXCEEDED, "too many failed attempts")
        failures = record.failures + 1
        wait = 0.0
        if failures >= patience.free:
            wait = min(patience.longest, patience.first * 2.0 ** min(failures - patience.free, 32))
        self._records[name] = _Record(failures, now, now + wait)

    def succeeded(self, name: str) -> None:
        """Forget the failures of `name`."""
        self._records.pop(name, None)

    def forgive(self, name: str) -> None:
        """Take back the last attempt of `name`, which did not fail; those before it stay counted."""
        record = self._records.get(name)
        if record is not None and record.failures > 0:
            self._records[name] = _Record(record.failures - 1, record.at, record.at)


def network_of(address: str | None) -> str:
    """What attempts from `address` are counted by: the address, of IPv6 its /64, which is one line's."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped is not None else str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
