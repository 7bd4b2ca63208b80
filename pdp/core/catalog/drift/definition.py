"""Two definitions of one name compared, in words and completely."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeAlias

from pdp.core.catalog.definitions.definition import Kind
from pdp.core.catalog.drift.change import Change, ChangeKind, Weight, ranked
from pdp.core.catalog.drift.keyword import ABSENT, Absent, moved
from pdp.core.catalog.drift.schema import Comparison, same
from pdp.core.catalog.drift.spot import Side, Spot
from pdp.core.catalog.drift.wording import named, reworded, told
from pdp.core.contract.exact_json import canonical
from pdp.core.text.place import WHOLE, Place

MAX_CHANGES: Final = 1000
MAX_BYTES: Final = 1024 * 1024
"""Bytes of canonical JSON; of a larger definition only the members that differ are told."""
_Compare: TypeAlias = Callable[[Place, Any, Any], Iterator[Change]]
_DEFAULTS: Final = {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": True}
_SAFER: Final = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}
_MEANING: Final = {
    ("readOnlyHint", True): "it claims now that it changes nothing",
    ("readOnlyHint", False): "it no longer claims that it changes nothing",
    ("destructiveHint", True): "it no longer claims that it destroys nothing",
    ("destructiveHint", False): "it claims now that it destroys nothing",
    ("idempotentHint", True): "it claims now that a repeated call does nothing more",
    ("idempotentHint", False): "it no longer claims that a repeated call does nothing more",
    ("openWorldHint", True): "it no longer claims that it reaches nothing outside",
    ("openWorldHint", False): "it claims now that it reaches nothing outside",
}


def changes(approved: Mapping[str, Any], *, offered: Mapping[str, Any], kind: Kind) -> tuple[Change, ...]:
    """What differs between the contents of two definitions, what to look at first in front; empty when nothing does.

    Members that are null are absent. At most `MAX_CHANGES` are told, and then that there are more.
    """
    before, now = _present(approved), _present(offered)
    is_large = max(len(canonical(before)), len(canonical(now))) > MAX_BYTES
    members = {} if is_large else _MEMBERS[kind]
    found = _members(WHOLE, before, now, members)
    first = list(islice(found, MAX_CHANGES))
    if next(found, None) is not None:
        text = f"more than {MAX_CHANGES} changes, of which the first are told"
        first.append(Change(ChangeKind.MORE, "", text, Weight.LOOSENED))
    return ranked(first)


def _members(
    place: Place, approved: Mapping[str, Any], offered: Mapping[str, Any], members: Mapping[str, _Compare]
) -> Iterator[Change]:
    for name in sorted(approved.keys() | offered.keys()):
        before, now = approved.get(name, ABSENT), offered.get(name, ABSENT)
        if isinstance(before, Absent) or isinstance(now, Absent) or not same(before, now):
            at = place / name
            found = members[name](at, before, now) if name in members else iter(())
            first = next(found, None)
            yield _member(at, before, now) if first is None else first
            yield from found


def _member(place: Place, approved: Any, offered: Any, *, weight: Weight = Weight.BEHAVIOUR) -> Change:
    text = f"{named(str(place)[1:])} {moved(approved, offered)}"
    return Change(ChangeKind.MEMBER_CHANGED, str(place), text, weight)


def _text(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
    before, now = ("" if isinstance(each, Absent) else each for each in (approved, offered))
    if isinstance(before, str) and isinstance(now, str) and before != now:
        text = f"{named(str(place)[1:])}: {reworded(before, offered=now)}"
        yield Change(ChangeKind.TEXT_CHANGED, str(place), text, Weight.WORDING)


def _schema(side: Side) -> _Compare:
    def compare(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
        if isinstance(approved, Absent) or isinstance(offered, Absent):
            yield _member(place, approved, offered)
        else:
            yield from Comparison(approved, offered=offered).changes(
                Spot(place, side), approved=approved, offered=offered
            )

    return compare


def _hint(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
    """A claim of a tool; where it is absent, MCP says what that means."""
    hint = str(place.step)
    before, now = (_DEFAULTS[hint] if isinstance(each, Absent) else each for each in (approved, offered))
    if not isinstance(before, bool) or not isinstance(now, bool):
        return
    text = f"{named(hint)} {moved(approved, offered)}"
    if before is now:
        yield Change(ChangeKind.REWRITTEN, str(place), f"{text}, which means the same", Weight.FORM)
        return
    weight = Weight.LOOSENED if now is _SAFER[hint] else Weight.BEHAVIOUR
    yield Change(ChangeKind.ANNOTATION_CHANGED, str(place), f"{text}: {_MEANING[hint, now]}", weight)


def _parts(members: Mapping[str, _Compare]) -> _Compare:
    """A member with members of its own; absent is the same as without any, but for being written."""

    def compare(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
        before, now = ({} if isinstance(each, Absent) else each for each in (approved, offered))
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            if not before and not now:
                yield _member(place, approved, offered, weight=Weight.FORM)
            yield from _members(place, before, now, members)

    return compare


def _arguments(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
    """A prompt's arguments by name; nothing where one is malformed or repeated."""
    before, now = _by_name(approved), _by_name(offered)
    if before is None or now is None:
        return
    if list(before) != list(now) and before.keys() == now.keys():
        yield Change(ChangeKind.REWRITTEN, str(place), "the arguments are listed in another order", Weight.FORM)
    elif not before and not now:
        yield _member(place, approved, offered, weight=Weight.FORM)
    for name in sorted(before.keys() | now.keys()):
        if name in before and name in now:
            yield from _members(place / now[name][0], before[name][1], now[name][1], _ARGUMENT)
        else:
            yield _argument(place, name, before=before.get(name), now=now.get(name))


def _argument(
    place: Place, name: str, *, before: tuple[int, Mapping[str, Any]] | None, now: tuple[int, Mapping[str, Any]] | None
) -> Change:
    if now is None:
        at = place if before is None else place / before[0]
        return Change(ChangeKind.PARAMETER_REMOVED, str(at), f"argument {named(name)} removed", Weight.TIGHTENED)
    need = "required" if now[1].get("required") is True else "optional"
    about = f": {told(now[1]['description'])}" if "description" in now[1] else ""
    text = f"{need} argument {named(name)} added{about}"
    return Change(ChangeKind.PARAMETER_ADDED, str(place / now[0]), text, Weight.LOOSENED)


def _needed(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
    before, now = (False if isinstance(each, Absent) else each for each in (approved, offered))
    if not isinstance(before, bool) or not isinstance(now, bool):
        return
    text = f"{named(str(place)[1:])} {moved(approved, offered)}"
    if before is now:
        yield Change(ChangeKind.REWRITTEN, str(place), f"{text}, which means the same", Weight.FORM)
    elif now:
        yield Change(ChangeKind.BECAME_REQUIRED, str(place), text, Weight.TIGHTENED)
    else:
        yield Change(ChangeKind.BECAME_OPTIONAL, str(place), text, Weight.LOOSENED)


def _form(place: Place, approved: Any, offered: Any) -> Iterator[Change]:
    yield _member(place, approved, offered, weight=Weight.FORM)


def _by_name(arguments: Any) -> dict[str, tuple[int, Mapping[str, Any]]] | None:
    """A prompt's arguments with their places, None where one has no name or the name of another."""
    if isinstance(arguments, Absent):
        return {}
    if not isinstance(arguments, list):
        return None
    found: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for index, each in enumerate(arguments):
        name = each.get("name") if isinstance(each, Mapping) else None
        if not isinstance(name, str) or name in found:
            return None
        found[name] = (index, each)
    return found


def _present(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}


_ARGUMENT: Final[Mapping[str, _Compare]] = {"title": _text, "description": _text, "required": _needed}
_SHARED: Final[Mapping[str, _Compare]] = {
    "title": _text,
    "description": _text,
    "icons": _form,
    "_meta": _parts({}),
}
_MEMBERS: Final[Mapping[Kind, Mapping[str, _Compare]]] = {
    Kind.TOOL: {
        **_SHARED,
        "inputSchema": _schema(Side.ARGUMENTS),
        "outputSchema": _schema(Side.RESULT),
        "annotations": _parts({"title": _text, **dict.fromkeys(_DEFAULTS, _hint)}),
        "execution": _parts({}),
    },
    Kind.PROMPT: {**_SHARED, "arguments": _arguments},
    Kind.RESOURCE: {**_SHARED, "name": _text, "size": _form, "annotations": _parts({})},
    Kind.TEMPLATE: {**_SHARED, "name": _text, "annotations": _parts({})},
}
