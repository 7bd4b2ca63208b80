"""What claims must say for us to believe them now, whoever vouches for them (RFC 7519, RFC 8707, RFC 9068)."""

from collections.abc import Mapping
from typing import Any, Final

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode

MAX_AUDIENCES: Final = 64

_ABSENT: Final = object()
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999; a time after it is a mistake in units, or bait."""


def read_expiry(claims: Mapping[str, Any], *, now: float, leeway: float, max_lifetime: float | None = None) -> float:
    """The Unix time at which `claims`, current at `now`, expire; `leeway` is seconds of clock skew allowed.

    `max_lifetime` bounds the seconds from `iat` to `exp`; without an `iat`, those that are left.

    Raises:
        TokenError: `token_expired`; `token_invalid` where a time is missing, malformed or in the future.

    """
    expires_at = _instant(claims, "exp")
    if expires_at is None:
        raise invalid("no claim `exp`")
    if expires_at <= now - leeway:
        raise TokenError(ReasonCode.TOKEN_EXPIRED, "claim `exp` has passed")
    for name in ("nbf", "iat"):
        instant = _instant(claims, name)
        if instant is not None and instant > now + leeway:
            raise invalid(f"claim `{name}` is in the future")
    issued_at = _instant(claims, "iat")
    if max_lifetime is not None and expires_at - (now + leeway if issued_at is None else issued_at) > max_lifetime:
        raise invalid("the token was made for too long a time")
    return expires_at


def check_audience(audience: Any, *, expected: str) -> None:
    """Whether the claim `aud` names `expected`: it alone, or as one string of a list.

    Raises:
        TokenError: `audience_mismatch`.

    """
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(item, str) for item in named):
        raise TokenError(ReasonCode.AUDIENCE_MISMATCH, "claim `aud` is neither a string nor a list of strings")
    if len(named) > MAX_AUDIENCES:
        raise TokenError(ReasonCode.AUDIENCE_MISMATCH, f"claim `aud` names more than {MAX_AUDIENCES} audiences")
    if expected not in named:
        raise TokenError(ReasonCode.AUDIENCE_MISMATCH, "claim `aud` does not name this resource")


def read_subject(claims: Mapping[str, Any]) -> str:
    """The claim `sub`.

    Raises:
        TokenError: `token_invalid` where it is missing, empty or no string.

    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise invalid("no claim `sub`")
    return subject


def invalid(detail: str) -> TokenError:
    """A `token_invalid`; `detail` names what is wrong, never a value from the token."""
    return TokenError(ReasonCode.TOKEN_INVALID, detail)


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name, _ABSENT)
    if value is _ABSENT:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"claim `{name}` is not a number")
    if value > _LATEST:
        raise invalid(f"claim `{name}` is no time in seconds")
    return float(value)
