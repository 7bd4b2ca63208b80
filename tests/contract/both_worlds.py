"""Policies for both worlds at once: what is read is ours and the official generator's, the condition is one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pdp.core.catalog.cedar_text import quoted
from pdp.core.catalog.schema.shape import Bounded, Enumerated, Field, Primitive, RecordOf, SetOf, Shape, kind_of
from tests.contract.official_world import Type
from tests.property.drawing import Draw

TEXTS = ("", "a", "main", "/srv/data", "/srv/../etc", "ab*c", 'say "hi"\\n', "Ünï\u2028")
PATTERNS = ('"*"', '"a*"', '"/srv/*"', '"*\\*c"', '"*\\"*"', '"Ünï*"')
WHOLE = (-3, 0, 1, 2, 5, 10, 5000, 2**40)
FRACTIONS = (-1.5, 0, 0.25, 1, 2.0001, 10, 100.5)


@dataclass(frozen=True)
class Pair:
    """A text in our world, and in the official one."""

    ours: str
    official: str

    def __add__(self, other: "Pair | str") -> "Pair":
        both = Pair(other, other) if isinstance(other, str) else other
        return Pair(self.ours + both.ours, self.official + both.official)


@dataclass(frozen=True)
class Place:
    """A value that policies of both worlds can read; `guard` holds where it is there."""

    at: Pair
    guard: Pair
    shape: Shape
    type: Type


def places(shape: RecordOf, kind: Type) -> Iterator[Place]:
    """All of the arguments' places that are values of one kind in both worlds."""
    yield from _members(shape, kind, Pair("context.arguments", "context.input"), Pair("true", "true"))


def _members(shape: RecordOf, kind: Type, at: Pair, guard: Pair) -> Iterator[Place]:
    for name, field in shape.fields.items():
        theirs, required = (kind.attributes or {})[name]
        member = f"[{quoted(name)}]" if not name.isidentifier() else f".{name}"
        inside, there = at + member, guard
        has = f" && {{}} has {quoted(name)}"
        ours_has = "" if field.required else has.format(at.ours)
        official_has = "" if required else has.format(at.official)
        there += Pair(ours_has, official_has)
        if field.nullable:
            choice, theirs = _choice(theirs)
            there += Pair("", f" && {inside.official} has {choice}")
            inside += Pair("", f".{choice}")
        yield Place(inside, there, field.shape, theirs)
        if isinstance(field.shape, RecordOf):
            yield from _members(field.shape, theirs, inside, there)


def _choice(union: Type) -> tuple[str, Type]:
    """The branch of a union that is not null."""
    branches = {name: kind for name, (kind, _) in (union.attributes or {}).items() if kind.name != "MCP::Null"}
    ((name, kind),) = branches.items()
    return name, kind


def condition(place: Place, draw: Draw) -> Pair:
    """Something about the value at `place`."""
    shape = place.shape
    options = [Pair("true", "true")]
    match shape:
        case SetOf(element=element) if (kind := place.type.element) is not None:
            one, other = (_item(element, kind, draw) for _ in range(2))
            # An object that is an entity has an id by chance, so nothing is equal to it.
            if not (isinstance(element, RecordOf) and kind.name != "Record"):
                options += [
                    place.at + ".contains(" + one + ")",
                    place.at + ".containsAny([" + one + ", " + other + "])",
                ]
            options += [place.at + ".isEmpty()"]
        case RecordOf():
            return options[0]
        case Primitive() | Enumerated() | Bounded():
            options += _of_scalar(place, shape, draw)
        case _:
            raise AssertionError(f"no value of both worlds at {place.at}")
    return draw.choice(options)


def _item(element: Shape, kind: Type, draw: Draw) -> Pair:
    """Cedar's checks take no empty set in a policy."""
    found = (literal(sample(element, draw), element, kind) for _ in range(100))
    return next(pair for pair in found if "[]" not in pair.ours)


def _of_scalar(place: Place, shape: Primitive | Enumerated | Bounded, draw: Draw) -> list[Pair]:
    at, value = place.at, literal(sample(shape, draw), shape, place.type)
    same = [at + " == " + value, at + " != " + value]
    match kind_of(shape):
        case Primitive.BOOLEAN:
            return [at, Pair("!", "!") + at, *same]
        case Primitive.LONG:
            return [*same, *(at + f" {operator} " + value for operator in ("<", "<=", ">", ">="))]
        case Primitive.DECIMAL:
            return [*same, at + ".lessThan(" + value + ")", at + ".greaterThanOrEqual(" + value + ")"]
        case Primitive.STRING if place.type.choices:
            return [*same, Pair("[", "[") + value + "].contains(" + at + ")"]
        case Primitive.STRING:
            return [*same, at + f" like {draw.choice(PATTERNS)}"]


def sample(shape: Shape, draw: Draw) -> Any:
    """A JSON value of that shape."""
    match shape:
        case Enumerated(kind=Primitive.DECIMAL, values=values):
            return int(str(draw.choice(values))) / 10_000
        case Enumerated(values=values):
            return draw.choice(values)
        case Bounded(kind=Primitive.LONG, least=least, most=most):
            return draw.choice([*(each for each in WHOLE if least <= each <= most), max(least, -5), min(most, 2**50)])
        case SetOf(element=element):
            return [sample(element, draw) for _ in range(draw.integer(0, 3))]
        case RecordOf(fields=fields):
            return {name: _member(field, draw) for name, field in fields.items() if field.required or draw.chance(60)}
        case Primitive() | Bounded():
            pools: dict[Primitive, Sequence[Any]] = {
                Primitive.BOOLEAN: (False, True),
                Primitive.LONG: WHOLE,
                Primitive.DECIMAL: FRACTIONS,
                Primitive.STRING: TEXTS,
            }
            return draw.choice(pools[kind_of(shape)])
        case _:
            raise AssertionError(f"no values of {shape}")


def _member(field: Field, draw: Draw) -> Any:
    return None if field.nullable and draw.chance(25) else sample(field.shape, draw)


def literal(value: Any, shape: Shape, kind: Type) -> Pair:
    """A value as policies write it."""
    match shape:
        case RecordOf(fields=fields):
            members = [_named(name, item, fields, kind.attributes or {}) for name, item in value.items()]
            return _joined(members, "{", "}")
        case SetOf(element=element) if kind.element is not None:
            return _joined([literal(item, element, kind.element) for item in value], "[", "]")
        case _ if kind.choices:
            return Pair(quoted(value), f"{kind.name}::{quoted(value)}")
        case Primitive() | Enumerated() | Bounded() if kind_of(shape) is Primitive.DECIMAL:
            return same(f'decimal("{value:.4f}")')
        case _:
            return same(quoted(value) if isinstance(value, str) else json.dumps(value))


def _named(name: str, item: Any, fields: Mapping[str, Field], kinds: Mapping[str, tuple[Type, bool]]) -> Pair:
    return same(f"{quoted(name)}: ") + literal(item, fields[name].shape, kinds[name][0])


def _joined(parts: Sequence[Pair], start: str, end: str) -> Pair:
    return Pair(
        start + ", ".join(part.ours for part in parts) + end, start + ", ".join(part.official for part in parts) + end
    )


def same(text: str) -> Pair:
    return Pair(text, text)
