"""One keyword of a schema that holds no schemas, before and now: what its change means in words."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pdp.core.catalog.drift.change import Change, ChangeKind, Weight
from pdp.core.catalog.drift.spot import Direction, Spot
from pdp.core.catalog.drift.wording import listed, named, quoted, reworded
from pdp.core.contract.exact_json import canonical


class Absent:
    """In the place of a value: there is none."""


ABSENT: Final = Absent()
_Compare: TypeAlias = Callable[[Spot, str, Any, Any], Iterator[Change]]
_UPPER: Final = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_LOWER: Final = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_PROSE: Final = ("title", "description", "$comment")


def keyword_changes(spot: Spot, keyword: str, *, approved: Any, offered: Any) -> Iterator[Change]:
    """The changes of one keyword whose values differ, at least one; a value is `ABSENT` where there is none."""
    compare = _COMPARE.get(keyword)
    found = list(compare(spot, keyword, approved, offered)) if compare is not None else []
    yield from found or _otherwise(spot, keyword, approved, offered)


def _otherwise(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    text = f"{named(keyword)} of {spot.subject} {moved(approved, offered)}"
    yield spot.change(ChangeKind.MEMBER_CHANGED, text, weight=Weight.BEHAVIOUR, at=keyword)


def moved(approved: Any, offered: Any) -> str:
    """`added: 1`, `removed, it was 1`, or `changed from 1 to 2`."""
    if isinstance(approved, Absent):
        return f"added: {quoted(offered)}"
    return (
        f"removed, it was {quoted(approved)}"
        if isinstance(offered, Absent)
        else (f"changed from {quoted(approved)} to {quoted(offered)}")
    )


def _prose(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    before, now = ("" if isinstance(each, Absent) else each for each in (approved, offered))
    if isinstance(before, str) and isinstance(now, str) and before != now:
        text = f"{named(keyword)} of {spot.subject}: {reworded(before, offered=now)}"
        yield spot.change(ChangeKind.TEXT_CHANGED, text, weight=Weight.WORDING, at=keyword)


def _examples(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    text = f"{named(keyword)} of {spot.subject} {moved(approved, offered)}"
    yield spot.change(ChangeKind.TEXT_CHANGED, text, weight=Weight.WORDING, at=keyword)


def _default(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    text = f"default of {spot.subject} {moved(approved, offered)}"
    yield spot.change(ChangeKind.DEFAULT_CHANGED, text, weight=Weight.BEHAVIOUR, at=keyword)


def _format(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    text = f"format of {spot.subject} {moved(approved, offered)}; no enforcer checks formats"
    yield spot.change(ChangeKind.FORMAT_CHANGED, text, weight=Weight.WORDING, at=keyword)


def _dialect(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    text = f"the schema of {spot.subject} is read by other rules: {named(keyword)} {moved(approved, offered)}"
    yield spot.change(ChangeKind.MEMBER_CHANGED, text, weight=Weight.BEHAVIOUR, at=keyword)


def _bound(larger: Direction) -> _Compare:
    def compare(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
        smaller = Direction.LESS if larger is Direction.MORE else Direction.MORE
        subject = f"{named(keyword)} of {spot.subject}"
        if _is_number(approved) and _is_number(offered):
            verb, direction = ("raised", larger) if offered > approved else ("lowered", smaller)
            if offered == approved:
                yield spot.rewritten(keyword)
            else:
                text = f"{subject} {verb} from {quoted(approved)} to {quoted(offered)}"
                yield spot.limit(keyword, text, direction=direction)
        elif _is_number(offered) and isinstance(approved, Absent):
            yield spot.limit(keyword, f"{subject} {moved(approved, offered)}", direction=Direction.LESS)
        elif _is_number(approved) and isinstance(offered, Absent):
            yield spot.limit(keyword, f"{subject} {moved(approved, offered)}", direction=Direction.MORE)

    return compare


def _limit(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    """A limit that is there or not; which of two is the narrower, nobody can tell."""
    text = f"{named(keyword)} of {spot.subject} {moved(approved, offered)}"
    yield spot.limit(keyword, text, direction=_presence(approved, offered))


def _unique(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    before, now = ("" if isinstance(each, Absent) else each for each in (approved, offered))
    if now is True:
        yield spot.limit(keyword, f"items of {spot.subject} must be unique now", direction=Direction.LESS)
    elif before is True:
        yield spot.limit(keyword, f"items of {spot.subject} may repeat now", direction=Direction.MORE)
    elif (before is False and isinstance(offered, Absent)) or (now is False and isinstance(approved, Absent)):
        yield spot.rewritten(keyword)


def _type(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    before, now = _types(approved), _types(offered)
    if before is None or now is None:
        return
    come, gone = now - before, before - now
    if not come and not gone:
        yield spot.rewritten(keyword)
        return
    direction = Direction.OTHER if come and gone else Direction.MORE if come else Direction.LESS
    text = f"type of {spot.subject} {moved(approved, offered)}"
    yield spot.limit(keyword, text, direction=direction, kind=ChangeKind.TYPE_CHANGED)


def _values(spot: Spot, keyword: str, approved: Any, offered: Any) -> Iterator[Change]:
    if not isinstance(approved, list) or not isinstance(offered, list):
        yield from _limit(spot, keyword, approved, offered)
        return
    before, now = ({canonical(each): each for each in values} for values in (approved, offered))
    come = [quoted(now[key]) for key in now if key not in before]
    gone = [quoted(before[key]) for key in before if key not in now]
    if come:
        yield spot.limit(keyword, f"{spot.subject} may also be {listed(come)}", direction=Direction.MORE)
    if gone:
        yield spot.limit(keyword, f"{spot.subject} may no longer be {listed(gone)}", direction=Direction.LESS)
    if not come and not gone:
        yield spot.rewritten(keyword)


def _presence(approved: Any, offered: Any) -> Direction:
    if isinstance(approved, Absent):
        return Direction.LESS
    return Direction.MORE if isinstance(offered, Absent) else Direction.OTHER


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _types(value: Any) -> frozenset[str] | None:
    """The types that are accepted, integers among numbers; None where it says none that there are."""
    if isinstance(value, Absent):
        return _ALL
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or any(name not in _ALL for name in names if isinstance(name, str)):
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names) | (frozenset({"integer"}) if "number" in names else frozenset())


_ALL: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_COMPARE: Final[Mapping[str, _Compare]] = {
    **dict.fromkeys(_UPPER, _bound(Direction.MORE)),
    **dict.fromkeys(_LOWER, _bound(Direction.LESS)),
    **dict.fromkeys(_PROSE, _prose),
    "default": _default,
    "examples": _examples,
    "format": _format,
    "$schema": _dialect,
    "pattern": _limit,
    "const": _limit,
    "multipleOf": _limit,
    "not": _limit,
    "contains": _limit,
    "propertyNames": _limit,
    "then": _limit,
    "else": _limit,
    "allOf": _limit,
    "anyOf": _limit,
    "oneOf": _limit,
    "dependentRequired": _limit,
    "uniqueItems": _unique,
    "type": _type,
    "enum": _values,
}
