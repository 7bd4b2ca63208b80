"""What schemas admit, type by type, and how these combine: `anyOf` joins it, `allOf` keeps what all admit.

INVARIANT: both give at least what is valid; where two cannot be combined exactly, more is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pdp.core.catalog.schema.number import integers_within
from pdp.core.catalog.schema.shape import (
    Bounded,
    Enumerated,
    Field,
    JsonType,
    Opaque,
    Primitive,
    RecordOf,
    Rest,
    Scalar,
    SetOf,
    Shape,
    UnionOf,
    Why,
    bounded,
    kind_of,
)

RESERVED: Final = frozenset({"__entity", "__extn", "__expr"})


@dataclass(frozen=True, slots=True)
class Anything:
    """Values of any type, as far as is known here."""

    why: Why = Why.ANYTHING


@dataclass(frozen=True, slots=True)
class Elements:
    """Arrays whose items are `items`; None where nothing is known of them, or not the same of all."""

    items: "Admitted | None"
    why: Why = Why.ANYTHING


@dataclass(frozen=True, slots=True)
class Members:
    """Objects; `opaque` is why they have no one form that Cedar knows, None where they have."""

    fields: "Mapping[str, Admitted]"
    required: frozenset[str]
    rest: Rest = Rest.UNDECLARED
    patterns: tuple[str, ...] = ()
    opaque: Why | None = None


Part: TypeAlias = Scalar | Opaque | Elements | Members
Kinds: TypeAlias = Mapping[JsonType | None, Part]
"""What is admitted of each JSON type; None stands for null."""
Admitted: TypeAlias = Kinds | Anything


def joined(several: Sequence[Admitted]) -> Admitted:
    """What any of `several` admits."""
    parts: dict[JsonType | None, list[Part]] = {}
    for each in several:
        if isinstance(each, Anything):
            return each
        for kind, part in each.items():
            parts.setdefault(kind, []).append(part)
    return {kind: found[0] if len(found) == 1 else _joined(found) for kind, found in parts.items()}


def common(several: Sequence[Admitted]) -> Admitted:
    """What each of `several` admits."""
    known = [each for each in several if not isinstance(each, Anything)]
    if not known:
        return next(iter(several), Anything())
    if len(known) == 1:
        return known[0]
    found: dict[JsonType | None, Part] = {}
    for kind in (None, *JsonType):
        held = [_held(kind, each) for each in known]
        parts = [part for part in held if part is not None]
        part = _common(parts) if len(parts) == len(known) else None
        if part is not None:
            found[kind] = part
    if any(JsonType.NUMBER in each and JsonType.INTEGER in each for each in known):
        return _loose(found)
    if JsonType.NUMBER in found:
        found.pop(JsonType.INTEGER, None)
    return found


def shape_of(admitted: Admitted) -> tuple[Shape, bool]:
    """The shape of the values, and whether null is one of them."""
    if isinstance(admitted, Anything):
        return Opaque(admitted.why), False
    branches = {kind: _finished(part) for kind, part in admitted.items() if kind is not None}
    if not branches:
        return Opaque(Why.NOTHING), None in admitted
    if len(branches) == 1:
        return next(iter(branches.values())), None in admitted
    if JsonType.NUMBER in branches and JsonType.INTEGER in branches:
        # INVARIANT: an integer beside `number` may be valid by either, so nothing bounds it.
        branches[JsonType.INTEGER] = Primitive.LONG
    return UnionOf({kind: branches[kind] for kind in sorted(branches)}), None in admitted


def record_of(members: Members) -> RecordOf:
    """The record of `members`, whether they have one form or several."""
    fields = {}
    for name, admitted in members.fields.items():
        shape, nullable = (Opaque(Why.RESERVED), False) if name in RESERVED else shape_of(admitted)
        fields[name] = Field(shape, required=name in members.required and not nullable, nullable=nullable)
    return RecordOf(fields, members.rest, members.patterns)


def _finished(part: Part) -> Shape:
    match part:
        case Members(opaque=None):
            return record_of(part)
        case Members(opaque=why):
            return Opaque(why or Why.FREE_FORM)
        case Elements(items=None, why=why):
            return Opaque(why)
        case Elements(items=items):
            element, nullable = shape_of(items or {})
            if nullable or isinstance(element, UnionOf):
                return Opaque(Why.MIXED)
            return element if isinstance(element, Opaque) else SetOf(element)
        case _:
            return part


def _joined(parts: Sequence[Part]) -> Part:
    members = [part for part in parts if isinstance(part, Members)]
    if members:
        return _joined_members(members)
    arrays = [part for part in parts if isinstance(part, Elements)]
    if arrays:
        known = [part.items for part in arrays if part.items is not None]
        return Elements(joined(known)) if len(known) == len(parts) else next(a for a in arrays if a.items is None)
    return _joined_scalars([part for part in parts if not isinstance(part, Members | Elements)])


def _joined_scalars(parts: Sequence[Scalar | Opaque]) -> Part:
    """What is opaque here has no number that Cedar holds, so it adds none.

    INVARIANT: numbers beyond a decimal may be integers that a Long holds, so no bounds stand beside them.
    """
    scalars = [part for part in parts if not isinstance(part, Opaque)]
    if not scalars:
        return parts[0]
    kind = kind_of(scalars[0])
    if kind is Primitive.DECIMAL and len(scalars) < len(parts):
        return kind
    few = [part for part in scalars if isinstance(part, Enumerated)]
    if len(few) == len(scalars):
        return _enumerated(kind, {value for part in few for value in part.values})
    between = [part for part in scalars if isinstance(part, Bounded)]
    if len(between) == len(scalars):
        return bounded(kind, least=min(b.least for b in between), most=max(b.most for b in between))
    return kind


def _joined_members(parts: Sequence[Members]) -> Members:
    """Objects with the same names have one form; a name that one of them lacks may there be anything."""
    names = dict.fromkeys(name for part in parts for name in part.fields)
    alike = all(len(part.fields) == len(names) for part in parts)
    fields: dict[str, Admitted] = {}
    for name in names:
        held = [part.fields[name] for part in parts if name in part.fields]
        fields[name] = joined(held) if len(held) == len(parts) else Anything(Why.DIFFERENT)
    why = next((part.opaque for part in parts if part.opaque is not None), None if alike else Why.DIFFERENT)
    return Members(fields, frozenset.intersection(*(part.required for part in parts)), *_rest(parts), why)


def _common(parts: Sequence[Part]) -> Part | None:
    """What every one of `parts`, all of one type, admits; None when that is nothing."""
    members = [part for part in parts if isinstance(part, Members)]
    if members:
        return _common_members(members)
    arrays = [part for part in parts if isinstance(part, Elements)]
    if arrays:
        known = [part.items for part in arrays if part.items is not None]
        return Elements(common(known)) if known else arrays[0]
    scalars = [part for part in parts if isinstance(part, Primitive | Enumerated | Bounded)]
    return _common_scalars(scalars) if len(scalars) == len(parts) else Opaque(Why.OUT_OF_RANGE)


def _common_members(parts: Sequence[Members]) -> Members:
    fields: dict[str, list[Admitted]] = {}
    for part in parts:
        for name, admitted in part.fields.items():
            fields.setdefault(name, []).append(admitted)
    whys = [part.opaque for part in parts]
    return Members(
        {name: common(found) for name, found in fields.items()},
        frozenset[str]().union(*(part.required for part in parts)),
        *_rest(parts),
        None if None in whys else max(whys, key=lambda why: why is Why.DIFFERENT),
    )


def _common_scalars(parts: Sequence[Scalar]) -> Part | None:
    kind = kind_of(parts[0])
    between = [part for part in parts if isinstance(part, Bounded)]
    limits = bounded(kind, least=max(b.least for b in between), most=min(b.most for b in between)) if between else kind
    few: list[set[str | int]] = [set(part.values) for part in parts if isinstance(part, Enumerated)]
    if not few or isinstance(limits, Opaque):
        return limits
    values = set.intersection(*few)
    if isinstance(limits, Bounded):
        values = {value for value in values if limits.least <= int(value) <= limits.most}
    if values:
        return _enumerated(kind, values)
    # INVARIANT: a number that Cedar cannot hold was never among the values, and may be in each.
    return Opaque(Why.OUT_OF_RANGE) if kind in {Primitive.LONG, Primitive.DECIMAL} else None


def _held(kind: JsonType | None, admitted: Kinds) -> Part | None:
    """What is admitted of one type; a `number` may be an integer."""
    part = admitted.get(kind)
    if part is None and kind is JsonType.INTEGER and JsonType.NUMBER in admitted:
        return _integers(admitted[JsonType.NUMBER])
    return part


def _integers(part: Part) -> Part:
    """INVARIANT: of the values of an enumeration of decimals some are left out that a Long holds."""
    return integers_within(part) if isinstance(part, Bounded) else Primitive.LONG


def _loose(found: Mapping[JsonType | None, Part]) -> Kinds:
    """Numbers where an integer may be valid by `integer` or by `number`: only their types are sure."""
    sure: dict[JsonType | None, Part] = {JsonType.INTEGER: Primitive.LONG, JsonType.NUMBER: Primitive.DECIMAL}
    return {kind: sure.get(kind, part) for kind, part in found.items()}


def _rest(parts: Sequence[Members]) -> tuple[Rest, tuple[str, ...]]:
    declared = [part for part in parts if part.rest is Rest.DECLARED]
    if not declared:
        return Rest.UNDECLARED, ()
    every = any(not part.patterns for part in declared)
    return Rest.DECLARED, () if every else tuple(dict.fromkeys(p for part in declared for p in part.patterns))


def _enumerated(kind: Primitive, values: Iterable[str | int]) -> Enumerated:
    return Enumerated(kind, tuple(sorted(values)))  # type: ignore[arg-type]
