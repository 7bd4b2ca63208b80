"""Parameters added, removed, required and optional, as an enforcer sees them: it refuses what nothing declares."""

from collections.abc import Iterator, Mapping
from typing import Any

from pdp.core.catalog.drift.change import Change, ChangeKind
from pdp.core.catalog.drift.keyword import ABSENT, Absent
from pdp.core.catalog.drift.openness import Openness, openness
from pdp.core.catalog.drift.spot import Direction, Sense, Spot
from pdp.core.catalog.drift.wording import told


def parameter_changes(spot: Spot, *, approved: Mapping[str, Any], offered: Mapping[str, Any]) -> Iterator[Change]:
    """The parameters added and removed between two schemas of objects whose `properties` differ."""
    before, now = _declared(approved), _declared(offered)
    is_sure = _names_its_members(approved) and _names_its_members(offered)
    at = spot if is_sure else spot.within(spot.branch, sense=Sense.UNSURE)
    needed_before, needed_now = _required(approved), _required(offered)
    yield from _closed(spot, approved, offered)
    for name in sorted(now.keys() - before.keys()):
        need = "required" if name in needed_now else "optional"
        yield _added(at.below("properties", name, value=name), now[name], need=need)
    for name in sorted(before.keys() - now.keys()):
        yield _removed(at.below("properties", name, value=name), need="required " if name in needed_before else "")


def required_changes(spot: Spot, *, approved: Mapping[str, Any], offered: Mapping[str, Any]) -> Iterator[Change]:
    """What must be there, in two schemas whose `required` differ.

    Of a parameter that was added or removed altogether, nothing: that is told.
    """
    before, now = _required(approved), _required(offered)
    come, gone = _declared(offered).keys() - _declared(approved), _declared(approved).keys() - _declared(offered)
    if before == now:
        yield spot.rewritten("required")
    for name in sorted(now - before - come):
        text = f"{spot.below(value=name).subject} became required"
        yield spot.limit("required", text, direction=Direction.LESS, kind=ChangeKind.BECAME_REQUIRED)
    for name in sorted(before - now - gone):
        text = f"{spot.below(value=name).subject} became optional"
        yield spot.limit("required", text, direction=Direction.MORE, kind=ChangeKind.BECAME_OPTIONAL)


def is_names(value: Any) -> bool:
    """Whether `required` is a list of names, or absent."""
    return isinstance(value, Absent) or (isinstance(value, list) and all(isinstance(name, str) for name in value))


def _closed(spot: Spot, approved: Mapping[str, Any], offered: Mapping[str, Any]) -> Iterator[Change]:
    """An object without `properties` may have any members, with an empty one none."""
    if "properties" not in offered:
        text = f"{spot.subject} no longer declares members, so it may have any"
        yield spot.limit("properties", text, direction=Direction.MORE)
    elif "properties" not in approved and not offered["properties"]:
        text = f"{spot.subject} declares that it has no members, so it may no longer have any"
        yield spot.limit("properties", text, direction=Direction.LESS)


def _added(spot: Spot, schema: Any, *, need: str) -> Change:
    parts = schema if isinstance(schema, Mapping) else {}
    kind = f", {told(parts['type'])}" if "type" in parts else ""
    about = f": {told(parts['description'])}" if "description" in parts else ""
    text = f"{need} {spot.subject} added{kind}{about}"
    return spot.limit(None, text, direction=Direction.MORE, kind=ChangeKind.PARAMETER_ADDED)


def _removed(spot: Spot, *, need: str) -> Change:
    """Without a parameter that was required, calls are accepted that were not."""
    direction = Direction.OTHER if need else Direction.LESS
    text = f"{need}{spot.subject} removed"
    return spot.limit(None, text, direction=direction, kind=ChangeKind.PARAMETER_REMOVED)


def _names_its_members(schema: Mapping[str, Any]) -> bool:
    """Whether a member that is not among `properties` has no schema by another keyword."""
    return openness(schema.get("additionalProperties", ABSENT)) is not Openness.SOME and not schema.get(
        "patternProperties"
    )


def _required(schema: Mapping[str, Any]) -> frozenset[str]:
    names = schema.get("required", ABSENT)
    return frozenset(() if isinstance(names, Absent) or not is_names(names) else names)


def _declared(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}
