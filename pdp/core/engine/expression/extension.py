"""Cedar's extension values: read from text and compared as Cedar 4.12 does."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

MAX_LONG: Final = 2**63 - 1
MIN_LONG: Final = -(2**63)
_HELD: Final = 4096
_PLACES: Final = 4
_MAX_DIGITS: Final = 20
_DECIMAL: Final = re.compile(r"(-?)([0-9]+)\.([0-9]{1,4})")
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2}))",
)
_DURATION: Final = re.compile(r"-?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{1,43}")
_PREFIX: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_MAX_ADDRESS: Final = 43
_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
# The Gregorian calendar repeats after 400 years; Python's `date` has no year 0, Cedar's has.
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
_EPOCH: Final = date(1970, 1, 1)


class ExtensionError(ValueError):
    """The text is no value of that extension type, or the value would be out of its range."""


@dataclass(frozen=True, slots=True, order=True)
class FixedDecimal:
    """A `decimal`, in ten-thousandths."""

    units: int


@dataclass(frozen=True, slots=True)
class IpRange:
    """An `ipaddr`: one address, or all that share its first `prefix` bits; two spellings of a range differ."""

    bits: int
    address: int
    prefix: int

    @property
    def first(self) -> int:
        """The lowest address."""
        return self.address & ~self._hosts

    @property
    def last(self) -> int:
        """The highest address."""
        return self.address | self._hosts

    @property
    def _hosts(self) -> int:
        return (1 << (self.bits - self.prefix)) - 1


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A `datetime`, in milliseconds since 1970."""

    ms: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A `duration`, in milliseconds."""

    ms: int


@lru_cache(_HELD)
def decimal(text: str) -> FixedDecimal:
    """The decimal that `text` spells.

    Raises:
        ExtensionError: it spells none.

    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ExtensionError("no decimal")
    sign, whole, fraction = match.groups()
    units = _count(whole) * 10**_PLACES + int(fraction.ljust(_PLACES, "0"))
    return FixedDecimal(_long(-units if sign else units))


@lru_cache(_HELD)
def ip(text: str) -> IpRange:
    """The address or range that `text` spells.

    Raises:
        ExtensionError: it spells none; an IPv4 address within an IPv6 address is none.

    """
    address, slash, prefix = text.partition("/")
    embedded = text.count(":") > 1 and text.count(".") > 1
    if len(text) > _MAX_ADDRESS or embedded or _ADDRESS.fullmatch(address) is None:
        raise ExtensionError("no address")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise ExtensionError("no address") from error
    bits = parsed.max_prefixlen
    length = _prefix(prefix, bits=bits) if slash else bits
    return IpRange(bits, int(parsed), length)


def _prefix(text: str, *, bits: int) -> int:
    if _PREFIX.fullmatch(text) is None or int(text) > bits:
        raise ExtensionError("no prefix length")
    return int(text)


@lru_cache(_HELD)
def datetime(text: str) -> Instant:
    """The instant that `text` spells.

    Raises:
        ExtensionError: it spells none.

    """
    day = _DATE.match(text)
    if day is None:
        raise ExtensionError("no date")
    midnight = _midnight(*(int(part) for part in day.groups()))
    if day.end() == len(text):
        return Instant(midnight)
    time = _TIME.fullmatch(text, day.end())
    if time is None:
        raise ExtensionError("no time of day")
    hours, minutes, seconds, ms = (int(part or 0) for part in time.group(1, 2, 3, 4))
    ahead_hours, ahead_minutes = (int(part or 0) for part in time.group(6, 7))
    if not _is_time(hours, minutes) or seconds >= 60 or not _is_time(ahead_hours, ahead_minutes):  # noqa: PLR2004
        raise ExtensionError("no time of day")
    ahead = (ahead_hours * _HOUR + ahead_minutes * _MINUTE) * (-1 if time[5] == "-" else 1)
    return Instant(midnight + hours * _HOUR + minutes * _MINUTE + seconds * _SECOND + ms - ahead)


def _is_time(hours: int, minutes: int) -> bool:
    return hours < 24 and minutes < 60  # noqa: PLR2004


def _midnight(year: int, month: int, day: int) -> int:
    early = year < _CYCLE_YEARS
    try:
        days = (date(year + _CYCLE_YEARS if early else year, month, day) - _EPOCH).days
    except ValueError as error:
        raise ExtensionError("no such day") from error
    return (days - _CYCLE_DAYS if early else days) * _DAY


@lru_cache(_HELD)
def duration(text: str) -> Span:
    """The span of time that `text` spells.

    Raises:
        ExtensionError: it spells none.

    """
    match = _DURATION.fullmatch(text)
    if match is None or text in {"", "-"}:
        raise ExtensionError("no duration")
    parts = zip(match.groups(), (_DAY, _HOUR, _MINUTE, _SECOND, 1), strict=True)
    total = sum(_count(count) * unit for count, unit in parts if count is not None)
    return Span(_long(-total if text[0] == "-" else total))


def offset(instant: Instant, span: Span) -> Instant:
    """`instant` moved by `span`.

    Raises:
        ExtensionError: out of range.

    """
    return Instant(_long(instant.ms + span.ms))


def duration_since(later: Instant, earlier: Instant) -> Span:
    """The span from `earlier` to `later`.

    Raises:
        ExtensionError: out of range.

    """
    return Span(_long(later.ms - earlier.ms))


def to_date(instant: Instant) -> Instant:
    """The midnight at or before `instant`.

    Raises:
        ExtensionError: out of range.

    """
    return Instant(_long(instant.ms - instant.ms % _DAY))


def to_time(instant: Instant) -> Span:
    """The time of day."""
    return Span(instant.ms % _DAY)


def whole(span: Span, *, unit: timedelta) -> int:
    """How many whole `unit`s `span` has, rounded towards zero."""
    count = abs(span.ms) // (unit // timedelta(milliseconds=1))
    return -count if span.ms < 0 else count


def in_range(inner: IpRange, outer: IpRange) -> bool:
    """Whether `outer` has every address of `inner`."""
    return inner.bits == outer.bits and outer.first <= inner.first and inner.last <= outer.last


def is_loopback(address: IpRange) -> bool:
    """Whether every address is a loopback address."""
    return in_range(address, ip("127.0.0.0/8" if address.bits == 32 else "::1"))  # noqa: PLR2004


def is_multicast(address: IpRange) -> bool:
    """Whether every address is a multicast address."""
    return in_range(address, ip("224.0.0.0/4" if address.bits == 32 else "ff00::/8"))  # noqa: PLR2004


def _count(digits: str) -> int:
    """The number; Python reads no more than some thousand digits."""
    significant = digits.lstrip("0") or "0"
    if len(significant) > _MAX_DIGITS:
        raise ExtensionError("out of range")
    return int(significant)


def _long(value: int) -> int:
    if not MIN_LONG <= value <= MAX_LONG:
        raise ExtensionError("out of range")
    return value
