"""Values that stand for all that a place can have, as far as the policies can tell them apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Final

from pdp.core.catalog.schema.shape import (
    LEAST,
    MOST,
    Bounded,
    Enumerated,
    Opaque,
    Primitive,
    RecordOf,
    Scalar,
    SetOf,
    Shape,
    UnionOf,
    kind_of,
)
from pdp.core.engine.expression.extension import FixedDecimal
from pdp.core.engine.expression.pattern import Pattern
from pdp.core.engine.expression.shaped import may_be
from pdp.core.engine.expression.value import SetValue, Value
from pdp.core.engine.residual.completeness import Completeness, together
from pdp.core.engine.residual.texts import likely_texts, texts

MAX_SUBSETS: Final = 7
"""A set is tried with every choice of up to so many elements."""


@dataclass(slots=True)
class Probe:
    """What policies ask of a place, or of several that they hold against each other, `places` in number."""

    values: list[Value] = field(default_factory=list)
    turns: set[int] = field(default_factory=set)
    patterns: list[Pattern] = field(default_factory=list)
    places: int = 1
    completeness: Completeness = Completeness.FULL


@dataclass(frozen=True, slots=True)
class Domain:
    """Values to try at a place."""

    values: tuple[Value, ...]
    completeness: Completeness


class Effort(StrEnum):
    """How values are looked for: those likely to be allowed, or one for each that can be told apart."""

    LIKELY = "likely"
    ALL = "all"


def domain(shape: Shape, probe: Probe, *, effort: Effort = Effort.ALL) -> Domain:
    """Values of `shape` for all that `probe` asks."""
    if effort is Effort.LIKELY and shape is Primitive.STRING:
        return Domain(likely_texts(probe.patterns, _literals(probe), each=probe.places), Completeness.PARTIAL)
    found = _domain(shape, probe)
    return Domain(found.values, together((found.completeness, probe.completeness)))


def _domain(shape: Shape, probe: Probe) -> Domain:
    match shape:
        case Enumerated(kind=kind, values=values):
            return Domain(tuple(_held(kind, value) for value in values), Completeness.FULL)
        case Primitive() | Bounded():
            return _scalars(shape, probe)
        case SetOf(element=element):
            return _sets(element, probe)
        case RecordOf() | UnionOf() | Opaque():
            return Domain(tuple(value for value in probe.values if may_be(value, shape)), Completeness.PARTIAL)


def _held(kind: Primitive, value: str | int) -> Value:
    return FixedDecimal(int(value)) if kind is Primitive.DECIMAL else value


def _scalars(shape: Primitive | Bounded, probe: Probe) -> Domain:
    match kind_of(shape):
        case Primitive.BOOLEAN:
            return Domain((True, False), Completeness.FULL)
        case Primitive.STRING:
            return Domain(*texts(tuple(probe.patterns), _literals(probe), each=probe.places))
        case kind:
            return Domain(tuple(_held(kind, number) for number in _numbers(shape, probe)), Completeness.FULL)


def _literals(probe: Probe) -> tuple[str, ...]:
    return tuple(value for value in probe.values if isinstance(value, str))


def _numbers(shape: Scalar, probe: Probe) -> list[int]:
    """Every turn and as many numbers between each two as there are places, all within the bounds."""
    least, most = (shape.least, shape.most) if isinstance(shape, Bounded) else (LEAST, MOST)
    given = (value.units if isinstance(value, FixedDecimal) else value for value in probe.values)
    turns = probe.turns.union(value for value in given if isinstance(value, int) and not isinstance(value, bool))
    within = sorted(turn for turn in turns if least <= turn <= most)
    found = set(within)
    for low, high in zip([least - 1, *within], [*within, most + 1], strict=True):
        found.update(range(low + 1, min(high, low + 1 + probe.places)))
    found.update(range(max(least, 0), min(most, 0) + 1))
    return sorted(found, key=abs)


def _sets(element: Shape, probe: Probe) -> Domain:
    asked: list[Value] = [value for value in probe.values if not isinstance(value, SetValue)]
    given = [value for value in probe.values if isinstance(value, SetValue)]
    asked += [each for value in given for each in value]
    members = domain(element, Probe(values=asked))
    known = tuple(dict.fromkeys(value for value in members.values if value in SetValue.of(asked)))
    others = tuple(value for value in members.values if value not in SetValue.of(asked))[:1]
    universe = (*known, *others)
    if len(universe) <= MAX_SUBSETS:
        return Domain(tuple(SetValue.of(chosen) for chosen in _choices(universe)), members.completeness)
    likely = [(), *((each,) for each in universe), known, universe, *(tuple(value) for value in given)]
    likely += [(*value, *others) for value in given]
    fitting = [SetValue.of(chosen) for chosen in likely if all(may_be(each, element) for each in chosen)]
    return Domain(tuple(dict.fromkeys(fitting)), Completeness.PARTIAL)


def _choices(universe: Sequence[Value]) -> Iterable[tuple[Value, ...]]:
    return (chosen for size in range(len(universe) + 1) for chosen in combinations(universe, size))
