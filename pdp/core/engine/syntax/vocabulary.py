"""The words of Cedar that name something: variables, operators, functions, methods, and what people write instead."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.problem import shown

VARIABLES: Final[Mapping[str, pst.VarName]] = MappingProxyType(
    {"principal": "principal", "action": "action", "resource": "resource", "context": "context"}
)
RESERVED: Final = frozenset({"true", "false", "if", "then", "else", "in", "is", "has", "like", "__cedar"})

FUNCTIONS: Final[Mapping[str, pst.UnaryOpName]] = MappingProxyType(
    {"ip": "ip", "decimal": "decimal", "datetime": "datetime", "duration": "duration"}
)
PLAIN_METHODS: Final[Mapping[str, pst.UnaryOpName]] = MappingProxyType(
    {
        "isEmpty": "is_empty",
        "isIpv4": "is_ipv4",
        "isIpv6": "is_ipv6",
        "isLoopback": "is_loopback",
        "isMulticast": "is_multicast",
        "toDate": "to_date",
        "toTime": "to_time",
        "toMilliseconds": "to_milliseconds",
        "toSeconds": "to_seconds",
        "toMinutes": "to_minutes",
        "toHours": "to_hours",
        "toDays": "to_days",
    }
)
METHODS: Final[Mapping[str, pst.BinaryOpName]] = MappingProxyType(
    {
        "contains": "contains",
        "containsAll": "contains_all",
        "containsAny": "contains_any",
        "getTag": "get_tag",
        "hasTag": "has_tag",
        "isInRange": "is_in_range",
        "offset": "offset",
        "durationSince": "duration_since",
        "lessThan": "decimal_less_than",
        "lessThanOrEqual": "decimal_less_eq",
        "greaterThan": "decimal_greater",
        "greaterThanOrEqual": "decimal_greater_eq",
    }
)

_MAX_GUESSED: Final = 40

_INSTEAD_OF_METHOD: Final = {
    "startsWith": '`like "...*"`',
    "starts_with": '`like "...*"`',
    "startswith": '`like "...*"`',
    "endsWith": '`like "*..."`',
    "ends_with": '`like "*..."`',
    "endswith": '`like "*..."`',
    "matches": '`like "..."`, where `*` matches any text',
    "match": '`like "..."`, where `*` matches any text',
    "regex": '`like "..."`, where `*` matches any text',
    "includes": "`.contains(...)`",
    "equals": "`==`",
    "hasAttr": "`has`",
    "exists": "`has`",
    "isNull": "`has`: Cedar has no null",
    "lt": "`<`",
    "gt": "`>`",
}
_UNKNOWABLE: Final = {
    "length": "Cedar cannot count; there is `.isEmpty()`",
    "size": "Cedar cannot count; there is `.isEmpty()`",
    "len": "Cedar cannot count; there is `.isEmpty()`",
    "count": "Cedar cannot count; there is `.isEmpty()`",
    "toLowerCase": "Cedar cannot change the case of a text",
    "toUpperCase": "Cedar cannot change the case of a text",
    "lower": "Cedar cannot change the case of a text",
    "upper": "Cedar cannot change the case of a text",
}
_INSTEAD_OF_VARIABLE: Final = {
    "True": "write `true`",
    "TRUE": "write `true`",
    "False": "write `false`",
    "FALSE": "write `false`",
    "null": "ask with `has` whether there is a value",
    "None": "ask with `has` whether there is a value",
    "nil": "ask with `has` whether there is a value",
    "undefined": "ask with `has` whether there is a value",
    "not": "write `!`",
    "user": "did you mean `principal`?",
    "subject": "did you mean `principal`?",
    "agent": "did you mean `principal` or `context.actor`?",
    "actor": "did you mean `context.actor`?",
    "tool": "did you mean `resource`?",
    "object": "did you mean `resource`?",
    "arguments": "did you mean `context.arguments`?",
    "args": "did you mean `context.arguments`?",
    "scopes": "did you mean `context.scopes`?",
    "now": "did you mean `context.now`?",
}


def about_method(name: str) -> str:
    """Why there is no method `name`, and what to write."""
    if name in FUNCTIONS:
        return f"`{name}` is a function: write `{name}(...)`"
    if name in _INSTEAD_OF_METHOD:
        return f"there is no method `{name}`: write {_INSTEAD_OF_METHOD[name]}"
    if name in _UNKNOWABLE:
        return f"there is no method `{name}`: {_UNKNOWABLE[name]}"
    return f"there is no method `{shown(name)}`{_nearest(name, [*PLAIN_METHODS, *METHODS])}"


def about_function(name: str) -> str:
    """Why there is no function `name`, and what to write."""
    if name in PLAIN_METHODS or name in METHODS:
        return f"`{name}` is a method: write it after a value, as in `context.scopes.contains(...)`"
    return f"there is no function `{shown(name)}`{_nearest(name, list(FUNCTIONS))}"


def about_variable(name: str) -> str:
    """Why `name` stands for nothing, and what to write."""
    if name in _INSTEAD_OF_VARIABLE:
        return f"`{name}` means nothing in Cedar: {_INSTEAD_OF_VARIABLE[name]}"
    nearest = _nearest(name, list(VARIABLES))
    if nearest:
        return f"there is no variable `{shown(name)}`{nearest}"
    return f"`{shown(name)}` is none of `principal`, `action`, `resource` and `context`; a text stands in double quotes"


def _nearest(name: str, known: list[str]) -> str:
    lower = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), lower, n=1) if len(name) <= _MAX_GUESSED else []
    return f": did you mean `{lower[found[0]]}`?" if found else ""
