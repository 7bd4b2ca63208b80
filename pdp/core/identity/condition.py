"""Conditions on claims: which tokens are an agent's, and which are refused."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from pdp.core.identity.path import MISSING, ClaimError, first, read_path

MAX_NESTING: Final = 4

Literal: TypeAlias = str | int | bool
Paths: TypeAlias = tuple[str, ...]


class Presence(StrEnum):
    """Whether there is a claim."""

    PRESENT = "present"
    ABSENT = "absent"


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question about a claim (the first of `claim` that is there), or several conditions put together."""

    claim: Paths = ()
    equals: Literal | UnsetType = UNSET
    equals_claim: Paths | UnsetType = UNSET
    starts_with: str | UnsetType = UNSET
    ends_with: str | UnsetType = UNSET
    has: str | UnsetType = UNSET
    presence: Presence | UnsetType = msgspec.field(default=UNSET, name="is")
    every: "tuple[Condition, ...] | UnsetType" = msgspec.field(default=UNSET, name="all")
    some: "tuple[Condition, ...] | UnsetType" = msgspec.field(default=UNSET, name="any")
    negated: "Condition | UnsetType" = msgspec.field(default=UNSET, name="not")


TOGETHER: Final = ("every", "some", "negated")
ASKING: Final = ("equals", "equals_claim", "starts_with", "ends_with", "has", "presence")


def form_of(condition: Condition) -> str:
    """The one member that says what `condition` asks, "" where there is none, or more than one."""
    asked = [name for name in (*ASKING, *TOGETHER) if getattr(condition, name) is not UNSET]
    fits = len(asked) == 1 and bool(condition.claim) is (asked[0] in ASKING)
    return asked[0] if fits else ""


def holds(condition: Condition, claims: Mapping[str, Any]) -> bool:
    """Whether `claims` are so; of a claim that is not there nothing holds but its absence.

    Raises:
        ClaimError: a claim that is asked about has another type than the question is for.

    """
    match form_of(condition):
        case "every":
            return all(holds(one, claims) for one in condition.every or ())
        case "some":
            return any(holds(one, claims) for one in condition.some or ())
        case "negated":
            return not isinstance(condition.negated, UnsetType) and not holds(condition.negated, claims)
        case form:
            where, value = first(condition.claim, claims)
            if form == "presence":
                return (value is MISSING) is (condition.presence is Presence.ABSENT)
            return value is not MISSING and _QUESTIONS[form](condition, where, value, claims)


def paths_in(condition: Condition) -> Iterator[str]:
    """Every path that is asked about."""
    yield from condition.claim
    yield from condition.equals_claim or ()
    for one in (*(condition.every or ()), *(condition.some or ())):
        yield from paths_in(one)
    if not isinstance(condition.negated, UnsetType):
        yield from paths_in(condition.negated)


def _equals(condition: Condition, where: str, value: Any, _claims: Mapping[str, Any]) -> bool:
    wanted = condition.equals
    if type(value) is not type(wanted):
        raise ClaimError(f"claim `{where}` must be {_WORDS[type(wanted)]}")
    return bool(value == wanted)


def _equals_claim(condition: Condition, where: str, value: Any, claims: Mapping[str, Any]) -> bool:
    other, wanted = first(condition.equals_claim or (), claims)
    return wanted is not MISSING and _text(value, where) == _text(wanted, other)


def _starts(condition: Condition, where: str, value: Any, _claims: Mapping[str, Any]) -> bool:
    return _text(value, where).startswith(condition.starts_with or "")


def _ends(condition: Condition, where: str, value: Any, _claims: Mapping[str, Any]) -> bool:
    return _text(value, where).endswith(condition.ends_with or "")


def _has(condition: Condition, where: str, value: Any, _claims: Mapping[str, Any]) -> bool:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ClaimError(f"claim `{where}` must be an array of texts")
    return condition.has in value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ClaimError(f"claim `{where}` must be a text")
    return value


def check_paths(condition: Condition) -> None:
    """Return when every path can be read.

    Raises:
        PathError: one cannot.

    """
    for text in paths_in(condition):
        read_path(text)


_WORDS: Final[Mapping[type, str]] = {str: "a text", int: "an integer", bool: "true or false"}
_QUESTIONS: Final[Mapping[str, Callable[[Condition, str, Any, Mapping[str, Any]], bool]]] = {
    "equals": _equals,
    "equals_claim": _equals_claim,
    "starts_with": _starts,
    "ends_with": _ends,
    "has": _has,
}
