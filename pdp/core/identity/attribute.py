"""Attributes of a principal: the types that they are declared with, and the one form that each value has."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from pdp.core.contract.identifier import rfc3339

MAX_TEXT: Final = 4096
"""Characters of one text."""
MAX_MEMBERS: Final = 1000
"""Members of one set; groups, roles and scopes are bounded alike."""
TAKEN: Final = frozenset({"groups", "roles", "tenant", "mapping"})
"""Names that `subject.properties` has for something else."""

Scalar: TypeAlias = str | int | bool
AttributeValue: TypeAlias = Scalar | tuple[Scalar, ...]

_NAME: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,63}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,16}\.[0-9]{1,4}")
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_UNITS: Final = 10_000


class AttributeType(StrEnum):
    """What an attribute holds, as `identity.yaml` writes it."""

    STRING = "string"
    LONG = "long"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    DATETIME = "datetime"
    IP = "ip"
    STRINGS = "set of string"
    LONGS = "set of long"


class NotOfTypeError(ValueError):
    """The value is none of the type; says what it must be, never what it is."""


def is_attribute_name(name: str) -> bool:
    """Whether policies can write `principal.name`, and nothing else of a principal is called so."""
    return _NAME.fullmatch(name) is not None and name not in TAKEN


def normal(value: Any, kind: AttributeType) -> AttributeValue:
    """`value`, a claim or what is on the wire, in the one form that values of `kind` have.

    A decimal and an instant are texts as Cedar reads them, an instant in UTC; sets are sorted.

    Raises:
        NotOfTypeError: it is no value of `kind`.

    """
    element = _ELEMENTS.get(kind)
    if element is None:
        scalar: Scalar = _SCALARS[kind](value)
        return scalar
    if not isinstance(value, list | tuple) or len(value) > MAX_MEMBERS:
        raise NotOfTypeError(f"must be an array of at most {MAX_MEMBERS} values of type `{element}`")
    return tuple(sorted({_SCALARS[element](item) for item in value}))


def cedar_form(value: AttributeValue, kind: AttributeType) -> Any:
    """A normal `value` in Cedar's JSON form."""
    function = _FUNCTIONS.get(kind)
    if function is not None:
        return {"__extn": {"fn": function, "arg": value}}
    return list(value) if isinstance(value, tuple) else value


def cedar_type(kind: AttributeType) -> dict[str, Any]:
    """The type of `kind` in a Cedar schema's JSON form."""
    element = _ELEMENTS.get(kind)
    if element is not None:
        return {"type": "Set", "element": cedar_type(element)}
    extension = _EXTENSIONS.get(kind)
    return {"type": _NAMES[kind]} if extension is None else {"type": "Extension", "name": extension}


def text(value: Any) -> str:
    """INVARIANT: lone surrogates cannot be told to Cedar."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise NotOfTypeError(f"must be a text of at most {MAX_TEXT} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotOfTypeError("must be a text of whole characters") from None
    return value


def _long(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not _LEAST <= value <= _MOST:
        raise NotOfTypeError("must be an integer of 64 bits")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise NotOfTypeError("must be true or false")
    return value


def _decimal(value: Any) -> str:
    units = _units(value)
    if units is None or units != units.to_integral_value() or not _LEAST <= units <= _MOST:
        raise NotOfTypeError("must be a number with at most 4 decimal places")
    whole, places = divmod(abs(int(units)), _UNITS)
    return f"{'-' if units < 0 else ''}{whole}.{places:04}"


def _units(value: Any) -> Decimal | None:
    """Ten-thousandths; None where it is no number that has few enough digits."""
    if isinstance(value, str):
        return Decimal(value).scaleb(4) if _DECIMAL.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(str(value)).scaleb(4) if _LEAST <= value <= _MOST else None


def _datetime(value: Any) -> str:
    """From a NumericDate (RFC 7519, section 2) or a text with its zone (RFC 3339)."""
    wrong = NotOfTypeError("must be a time: seconds since 1970, or as `2026-07-28T09:00:00Z`")
    try:
        if isinstance(value, str):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is None or not value.isascii():
                raise wrong
            return rfc3339(instant.timestamp())
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong
        return rfc3339(value)
    except (ValueError, OverflowError, OSError):
        raise wrong from None


def _ip(value: Any) -> str:
    """INVARIANT: one form of an address, as for `context.ip`."""
    wrong = NotOfTypeError("must be an IP address")
    if not isinstance(value, str) or "%" in value:
        raise wrong
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise wrong from None
    return str(getattr(address, "ipv4_mapped", None) or address)


_SCALARS: Final[Mapping[AttributeType, Callable[[Any], Any]]] = {
    AttributeType.STRING: text,
    AttributeType.LONG: _long,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DECIMAL: _decimal,
    AttributeType.DATETIME: _datetime,
    AttributeType.IP: _ip,
}
_ELEMENTS: Final[Mapping[AttributeType, AttributeType]] = {
    AttributeType.STRINGS: AttributeType.STRING,
    AttributeType.LONGS: AttributeType.LONG,
}
_NAMES: Final[Mapping[AttributeType, str]] = {
    AttributeType.STRING: "String",
    AttributeType.LONG: "Long",
    AttributeType.BOOLEAN: "Boolean",
}
_FUNCTIONS: Final[Mapping[AttributeType, str]] = {
    AttributeType.DECIMAL: "decimal",
    AttributeType.DATETIME: "datetime",
    AttributeType.IP: "ip",
}
_EXTENSIONS: Final[Mapping[AttributeType, str]] = {**_FUNCTIONS, AttributeType.IP: "ipaddr"}
