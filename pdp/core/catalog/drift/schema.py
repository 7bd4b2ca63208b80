"""Two schemas compared, keyword by keyword: every difference is in at least one change.

INVARIANT: each pair of values that differ, at any depth, is handed to a comparison that tells at least one
change at it or above it; what has no words of its own is told as a changed member.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from pdp.core.catalog.drift.change import Change, ChangeKind, Weight
from pdp.core.catalog.drift.keyword import ABSENT, Absent, keyword_changes, moved
from pdp.core.catalog.drift.openness import Openness, direction, opened, openness
from pdp.core.catalog.drift.parameter import is_names, parameter_changes, required_changes
from pdp.core.catalog.drift.references import NOT_MONOTONE, References
from pdp.core.catalog.drift.spot import Direction, Sense, Spot
from pdp.core.catalog.drift.wording import listed, named, quoted
from pdp.core.contract.exact_json import canonical
from pdp.core.text.place import WHOLE

_MAX_DEPTH: Final = 64
_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS: Final = frozenset({"patternProperties", "dependentSchemas"})
_ONE: Final[Mapping[str, str | None]] = {
    "additionalProperties": "*",
    "unevaluatedProperties": "*",
    "items": "*",
    "additionalItems": "*",
    "unevaluatedItems": "*",
    "contains": "*",
    "propertyNames": None,
    "not": None,
    "if": None,
    "then": None,
    "else": None,
}
"""Keywords with one schema, and the step to the values it describes."""
_LENGTH: Final = {"anyOf": (Direction.MORE, Direction.LESS), "allOf": (Direction.LESS, Direction.MORE)}
"""What one schema more, and one less, does to what is accepted."""
_BRANCHES: Final = frozenset({"contains", "propertyNames", "not", "if", "then", "else"})


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one, `1`, `1.0` and `true` being three."""
    return canonical(one) == canonical(other)


class Comparison:
    """The approved and the offered schema of a tool's arguments or results."""

    def __init__(self, approved: Any, *, offered: Any) -> None:
        self._approved, self._offered = References(approved), References(offered)
        self._followed: set[tuple[str, str]] = set()

    def changes(self, spot: Spot, *, approved: Any, offered: Any) -> Iterator[Change]:
        """What differs between two schemas, nothing where they are the same."""
        if same(approved, offered):
            return
        if isinstance(approved, bool) or isinstance(offered, bool):
            yield _all_or_nothing(spot, approved, offered)
        elif not isinstance(approved, Mapping) or not isinstance(offered, Mapping) or spot.depth > _MAX_DEPTH:
            text = f"the schema of {spot.subject} {moved(approved, offered)}"
            yield spot.change(ChangeKind.MEMBER_CHANGED, text, weight=Weight.BEHAVIOUR)
        elif "$ref" in approved or "$ref" in offered:
            yield from self._referring(spot, approved, offered)
        else:
            yield from self._keywords(spot, approved, offered)

    def _keywords(self, spot: Spot, approved: Mapping[str, Any], offered: Mapping[str, Any]) -> Iterator[Change]:
        for keyword in sorted(approved.keys() | offered.keys()):
            before, now = approved.get(keyword, ABSENT), offered.get(keyword, ABSENT)
            if isinstance(before, Absent) or isinstance(now, Absent) or not same(before, now):
                yield from self._keyword(spot, keyword, before, now, approved, offered)

    def _keyword(
        self, spot: Spot, keyword: str, before: Any, now: Any, approved: Mapping[str, Any], offered: Mapping[str, Any]
    ) -> Iterator[Change]:
        is_map = _is_map(before) and _is_map(now)
        if keyword == "properties" and is_map:
            yield from self._properties(spot, approved, offered)
        elif keyword == "required" and is_names(before) and is_names(now):
            yield from required_changes(spot, approved=approved, offered=offered)
        elif keyword in _DEFINITIONS and is_map:
            yield from self._definitions(spot, keyword, before, now)
        elif keyword in _MAPS and is_map:
            yield from self._map(spot, keyword, before, now)
        elif (keyword in _LISTS or keyword == "items") and isinstance(before, list) and isinstance(now, list):
            yield from self._list(spot, keyword, before, now)
        elif keyword in _ONE and not isinstance(before, list) and not isinstance(now, list):
            yield from self._one(spot, keyword, before, now)
        else:
            yield from keyword_changes(spot, keyword, approved=before, offered=now)

    def _properties(self, spot: Spot, approved: Mapping[str, Any], offered: Mapping[str, Any]) -> Iterator[Change]:
        yield from parameter_changes(spot, approved=approved, offered=offered)
        before, now = approved.get("properties", {}), offered.get("properties", {})
        for name in sorted(before.keys() & now.keys()):
            below = spot.below("properties", name, value=name)
            yield from self.changes(below, approved=before[name], offered=now[name])

    def _definitions(self, spot: Spot, keyword: str, before: Any, now: Any) -> Iterator[Change]:
        before, now = _map_of(before), _map_of(now)
        if not before and not now:
            yield spot.rewritten(keyword)
        for name in sorted(before.keys() | now.keys()):
            reference = f"#/{keyword}/{name.replace('~', '~0').replace('/', '~1')}"
            users = dict.fromkeys(self._approved.users(reference) + self._offered.users(reference))
            used = f" (used by {listed(map(named, users))})" if users else ""
            is_mixed = self._approved.is_mixed or self._offered.is_mixed
            below = replace(spot.below(keyword, name), root=name, path=WHOLE, branch="", used=used)
            below = below.within("", sense=Sense.UNSURE if is_mixed else Sense.SAME)
            if name in before and name in now:
                yield from self.changes(below, approved=before[name], offered=now[name])
            else:
                verb = f"removed, it was {quoted(before[name])}" if name in before else f"added: {quoted(now[name])}"
                yield below.change(ChangeKind.MEMBER_CHANGED, f"{below.subject} {verb}", weight=Weight.FORM)

    def _map(self, spot: Spot, keyword: str, before: Any, now: Any) -> Iterator[Change]:
        """`patternProperties` and `dependentSchemas`: a new one may open what was closed, or limit what was open."""
        before, now = _map_of(before), _map_of(now)
        if not before and not now:
            yield spot.rewritten(keyword)
        step = "*" if keyword == "patternProperties" else None
        for name in sorted(before.keys() | now.keys()):
            below = spot.below(keyword, name, value=step).within(keyword, sense=Sense.SAME)
            if name in before and name in now:
                yield from self.changes(below, approved=before[name], offered=now[name])
            else:
                text = f"{named(keyword)} of {spot.subject} for {named(name)} "
                text += moved(before.get(name, ABSENT), now.get(name, ABSENT))
                yield below.change(ChangeKind.CONSTRAINT_CHANGED, text, weight=Weight.BEHAVIOUR)

    def _list(self, spot: Spot, keyword: str, before: list[Any], now: list[Any]) -> Iterator[Change]:
        """Schemas in a list: where places have no meaning, those that are the same on both sides are put aside."""
        is_tuple = keyword in {"prefixItems", "items"}
        sense = Sense.UNSURE if keyword == "oneOf" else Sense.SAME
        old, new = list(enumerate(before)), list(enumerate(now))
        if not is_tuple:
            old, new = _unmatched(before, now), _unmatched(now, before)
        if not old and not new:
            yield spot.rewritten(keyword)
        for (_, one), (index, other) in zip(old, new, strict=False):
            below = spot.below(keyword, index, value=index if is_tuple else None)
            yield from self.changes(below.within(keyword, sense=sense), approved=one, offered=other)
        more, less = _LENGTH.get(keyword, (Direction.OTHER, Direction.OTHER))
        for index, schema in new[len(old) :]:
            text = f"{named(keyword)} of {spot.subject} has one more: {quoted(schema)}"
            yield spot.below(keyword).limit(str(index), text, direction=more)
        for index, schema in old[len(new) :]:
            text = f"{named(keyword)} of {spot.subject} has one less, it was {quoted(schema)}"
            yield spot.below(keyword).limit(str(index), text, direction=less)

    def _one(self, spot: Spot, keyword: str, before: Any, now: Any) -> Iterator[Change]:
        """One schema; for most keywords none is the same as one that accepts anything."""
        is_branch = keyword in _BRANCHES
        one, other = (True if isinstance(each, Absent) else each for each in (before, now))
        is_inner = openness(one) is Openness.SOME and openness(other) is Openness.SOME
        is_absent = isinstance(before, Absent) or isinstance(now, Absent)
        if is_branch and (is_absent or (keyword in NOT_MONOTONE and not is_inner)):
            yield from keyword_changes(spot, keyword, approved=before, offered=now)
        elif is_inner:
            sense = Sense.UNSURE if keyword in NOT_MONOTONE else Sense.SAME
            below = spot.below(keyword, value=_ONE[keyword])
            yield from self.changes(
                below.within(keyword, sense=sense) if is_branch else below, approved=one, offered=other
            )
        else:
            yield opened(spot, keyword, approved=before, offered=now)

    def _referring(self, spot: Spot, approved: Mapping[str, Any], offered: Mapping[str, Any]) -> Iterator[Change]:
        before, now = approved.get("$ref", ABSENT), offered.get("$ref", ABSENT)
        if not isinstance(before, Absent) and not isinstance(now, Absent) and same(before, now):
            yield from self._keywords(spot, approved, offered)
            return
        one, other = self._approved.resolved(approved), self._offered.resolved(offered)
        is_followed = one is not None and other is not None
        text = f"reference of {spot.subject} {moved(before, now)}"
        if is_followed and same(one, other):
            text = f"{text}, which says the same"
            yield spot.change(ChangeKind.REFERENCE_CHANGED, text, weight=Weight.FORM)
            return
        yield spot.change(ChangeKind.REFERENCE_CHANGED, text, weight=Weight.BEHAVIOUR)
        pair = (str(before), str(now))
        if is_followed and pair not in self._followed:
            self._followed.add(pair)
            yield from self.changes(spot.below(), approved=one, offered=other)
        else:
            unsure = spot.within(spot.branch, sense=Sense.UNSURE)
            yield from self._keywords(unsure, _without_reference(approved), _without_reference(offered))


def _all_or_nothing(spot: Spot, approved: Any, offered: Any) -> Change:
    """The change between two schemas of which one is `true` or `false`."""
    text = f"the schema of {spot.subject} {moved(approved, offered)}"
    towards = direction(approved, offered)
    if towards is None:
        return spot.change(ChangeKind.REWRITTEN, text, weight=Weight.FORM)
    return spot.limit(None, text, direction=towards)


def _unmatched(schemas: list[Any], others: list[Any]) -> list[tuple[int, Any]]:
    """The schemas with their places, without those that the others have as often."""
    left = Counter(canonical(other) for other in others)
    found = []
    for index, schema in enumerate(schemas):
        key = canonical(schema)
        if left[key] > 0:
            left[key] -= 1
        else:
            found.append((index, schema))
    return found


def _is_map(value: Any) -> bool:
    return isinstance(value, Absent | Mapping)


def _map_of(value: Any) -> Mapping[str, Any]:
    return {} if isinstance(value, Absent) else value


def _without_reference(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
