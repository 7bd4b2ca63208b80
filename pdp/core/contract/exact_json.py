"""JSON that means one thing: parsing that refuses whatever two readers could read differently.

RFC 8259 leaves duplicate names, large numbers and nesting to the reader (sections 4, 6, 9); I-JSON
(RFC 7493 section 2) says what every reader agrees on. The parse refuses the rest, so that what was
checked is what is forwarded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.contract.errors import MessageError, NestingError
from pdp.core.contract.reason_code import ReasonCode

JsonValue: TypeAlias = Any
JsonObject: TypeAlias = Mapping[str, Any]

_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBERS: Final = re.compile(rb"-?\d[-+.\deE]*")
_SURE: Final = 15
"""So many characters of an integer are exact whatever they are."""
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Bounds on one message: `max_bytes` of UTF-8 text and `max_depth` levels of nesting."""

    max_bytes: int = 4 * 1024 * 1024
    max_depth: int = 64


def parse(raw: bytes, *, limits: JsonLimits) -> Any:
    """The value of `raw`; an integer stays an integer and a float a float.

    Raises:
        MessageError: `message_too_large` over the byte limit; `message_malformed` for anything that
            is not exactly one JSON value: duplicate names, an integer outside 64 bits, a number that
            binary64 cannot carry, a lone surrogate, a byte order mark, nesting over the limit.

    """
    if len(raw) > limits.max_bytes:
        raise MessageError(
            ReasonCode.MESSAGE_TOO_LARGE,
            f"{len(raw)} bytes, the limit is {limits.max_bytes}",
            caller_text=f"the message is larger than {limits.max_bytes} bytes",
        )
    skeleton = _STRINGS.sub(b"", raw)
    _check_depth(skeleton, limits.max_depth)
    _check_numbers(skeleton)
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _malformed("the message is not valid JSON", str(error)) from error
    # INVARIANT: strings hold no structural bytes in `skeleton`, so each colon there is one member.
    members = skeleton.count(b":")
    if members and _STRINGS.sub(b"", msgspec.json.encode(value)).count(b":") != members:
        raise _malformed("the message repeats a name within one object", "duplicate object member name")
    return value


def canonical(value: Any) -> bytes:
    """Bytes that are equal only for equal JSON: sorted names; `1`, `1.0`, `true` and null differ."""
    return msgspec.json.encode(value, order="deterministic")


def _check_depth(skeleton: bytes, limit: int) -> None:
    if skeleton.count(b"[") + skeleton.count(b"{") <= limit:
        return
    depth = 0
    for byte in skeleton:
        if byte in _OPENING:
            depth += 1
            if depth > limit:
                text = f"the message nests deeper than {limit} levels"
                raise NestingError(ReasonCode.MESSAGE_MALFORMED, "nesting over the limit", caller_text=text)
        elif byte in _CLOSING:
            depth -= 1


def _check_numbers(skeleton: bytes) -> None:
    for token in _NUMBERS.findall(skeleton):
        is_sure = len(token) <= _SURE and token.lstrip(b"-").isdigit()
        if not is_sure and not _is_exact(token):
            raise _malformed("the message has a number that cannot be carried exactly", "inexact number")


def _is_exact(token: bytes) -> bool:
    text = token.decode("ascii")
    if text.lstrip("-").isdigit():
        return len(text) <= 20 and -(2**63) <= int(text) < 2**64  # noqa: PLR2004 - digits of 2^64
    try:
        binary = float(text)
        return abs(binary) != float("inf") and len(text) <= 400 and Decimal(text) == Decimal(repr(binary))  # noqa: PLR2004
    except (ValueError, ArithmeticError):
        return True  # no number at all: the parser names what it is


def _malformed(caller_text: str, detail: str) -> MessageError:
    return MessageError(ReasonCode.MESSAGE_MALFORMED, detail, caller_text=caller_text)
