"""What of a request's context a slice of policies sees: no policy reads more, so nothing more can matter."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.contract.identifier import rfc3339
from pdp.core.engine.dependencies import Path, Read, Reading
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.translate import json_place, translate

ARGUMENTS: Final = "arguments"
NOW: Final = "now"
SCOPES: Final = "scopes"
WHO: Final = frozenset({"actor", "delegation", SCOPES})
"""Members that belong to who asks."""
_TEXTS: Final = ("session", "enforcer", "transport")
MEMBERS: Final = frozenset({ARGUMENTS, NOW, "ip", *WHO, *_TEXTS})


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of a context that a view sees, in Cedar's JSON form, and the places whose values it cannot hold."""

    value: dict[str, Any]
    unrepresentable: frozenset[Path]


@dataclass(frozen=True, slots=True)
class View:
    """The members of the context that are read, and the arguments; `arguments` is None when all of them are."""

    members: frozenset[str]
    arguments: frozenset[str] | None

    def of(self, access: AccessRequest, shape: RecordOf, *, now: float) -> Seen:
        """What the view sees of `access`, whose tool takes arguments of `shape`, at Unix time `now`."""
        value: dict[str, Any] = {}
        lost: set[Path] = set()
        if ARGUMENTS in self.members:
            self._arguments(access.context.arguments, shape, value, lost)
        if NOW in self.members:
            value[NOW] = {"__extn": {"fn": "datetime", "arg": rfc3339(now)}}
        if not self.members.isdisjoint(WHO):
            value |= _who(access)
        for name in self.members.intersection(("ip", *_TEXTS)):
            _optional(name, getattr(access.context, name), value, lost)
        return Seen(value, frozenset(lost))

    def _arguments(self, given: Any, shape: RecordOf, value: dict[str, Any], lost: set[Path]) -> None:
        if not isinstance(given, Mapping):
            lost.add((ARGUMENTS,))
            return
        read = given if self.arguments is None else {name: given[name] for name in self.arguments if name in given}
        translated = translate(read, shape)
        value[ARGUMENTS] = translated.value
        lost.update((ARGUMENTS, *path) for path in translated.unrepresentable)


def view_of(reads: Iterable[Read]) -> View:
    """The view that sees what `reads` read."""
    paths = {read.path for read in reads}
    members = MEMBERS if () in paths else frozenset(path[0] for path in paths)
    whole = () in paths or (ARGUMENTS,) in paths
    names = frozenset(path[1] for path in paths if path[:1] == (ARGUMENTS,) and len(path) > 1)
    return View(members, None if whole else names)


def as_written(read: Read, shape: RecordOf) -> Read:
    """`read` at its place in the request: what Cedar sees under a union's type is written without it."""
    place = json_place(read.path[1:], shape=shape)
    if read.path[:1] != (ARGUMENTS,) or len(place) == len(read.path) - 1:
        return read
    return Read((ARGUMENTS, *place), Reading.VALUE)


def vary_of(reads: Iterable[Read]) -> tuple[str, ...]:
    """The pointers to what `reads` read that is not about who asks, sorted; none is below another.

    Whether there is something at a place need not be named where a place below it is: a value there
    tells, and so does the want of one, at whichever step of the path it is.
    """
    varying = {read for read in reads if not read.path or read.path[0] not in WHO}
    values = {read.path for read in varying if read.reading is Reading.VALUE}
    prefixes = {read.path[:length] for read in varying for length in range(len(read.path))}
    kept = values | ({read.path for read in varying} - prefixes)
    outermost = (path for path in kept if not any(path[:length] in values for length in range(len(path))))
    return tuple(sorted("".join(f"/{_escaped(step)}" for step in ("context", *path)) for path in outermost))


def _escaped(step: str) -> str:
    """One step of a JSON Pointer (RFC 6901, section 3)."""
    return step.replace("~", "~0").replace("/", "~1")


def _who(access: AccessRequest) -> dict[str, Any]:
    given = access.context
    value: dict[str, Any] = {SCOPES: sorted(set(given.scopes))}
    if given.actor is not None:
        value["actor"] = _agent(given.actor)
    if given.delegation is not None:
        value["delegation"] = {
            "first": _agent(given.delegation.first),
            "last": _agent(given.delegation.last),
            "depth": given.delegation.depth,
            "members": [_agent(member) for member in given.delegation.members],
        }
    return value


def _optional(name: str, given: Any, value: dict[str, Any], lost: set[Path]) -> None:
    if given is None:
        return
    held = _address(given) if name == "ip" else _text(given)
    if held is None:
        lost.add((name,))
    else:
        value[name] = held


def _text(given: Any) -> str | None:
    return given if isinstance(given, str) else None


def _address(given: Any) -> dict[str, Any] | None:
    """INVARIANT: one form of an address; Cedar reads neither zones nor IPv4 within IPv6."""
    if not isinstance(given, str) or "%" in given:
        return None
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return {"__extn": {"fn": "ip", "arg": str(mapped or address)}}


def _agent(identifier: str) -> dict[str, Any]:
    return {"__entity": {"type": f"{NAMESPACE}::Agent", "id": identifier}}
