"""Numbers of a JSON Schema in Cedar's units: what bounds and lists of values leave of a Long or decimal."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from pdp.core.catalog.schema.shape import LEAST, MOST, Bounded, Enumerated, Opaque, Primitive, Why, bounded

_PLACES: Final = {Primitive.LONG: 0, Primitive.DECIMAL: 4}
_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})


def units_of(number: float, kind: Primitive) -> Decimal:
    """A finite `number` in the units of `kind`, with a fraction where Cedar cannot hold it."""
    return Decimal(repr(number)).scaleb(_PLACES[kind])


def bounded_number(schema: Mapping[str, Any], kind: Primitive) -> Primitive | Bounded | Opaque:
    """The numbers within a schema's bounds; draft 4's boolean `exclusiveMinimum` narrows nothing."""
    if _BOUNDS.isdisjoint(schema):
        return kind
    at_least, above = _units(schema, "minimum", kind), _units(schema, "exclusiveMinimum", kind)
    at_most, below = _units(schema, "maximum", kind), _units(schema, "exclusiveMaximum", kind)
    least, most = [Decimal(LEAST)], [Decimal(MOST)]
    least += [at_least.to_integral_value(ROUND_CEILING)] if at_least is not None else []
    least += [above.to_integral_value(ROUND_FLOOR) + 1] if above is not None else []
    most += [at_most.to_integral_value(ROUND_FLOOR)] if at_most is not None else []
    most += [below.to_integral_value(ROUND_CEILING) - 1] if below is not None else []
    return bounded(kind, least=int(max(least)), most=int(min(most)))


def few_numbers(values: list[Any], kind: Primitive) -> Enumerated | Opaque:
    """The numbers among `values` that Cedar can hold; opaque when there are none."""
    units = (units_of(value, kind) for value in values if 4 * LEAST < value < 4 * MOST)
    held = {int(unit) for unit in units if unit == unit.to_integral_value() and LEAST <= unit <= MOST}
    return Enumerated(kind, tuple(sorted(held))) if held else Opaque(Why.OUT_OF_RANGE)


def _units(schema: Mapping[str, Any], keyword: str, kind: Primitive) -> Decimal | None:
    """A bound in Cedar's units, None where there is none or it is far out of Cedar's range."""
    value = schema.get(keyword)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return units_of(min(max(value, 4 * LEAST), 4 * MOST), kind)


def integers_within(numbers: Bounded) -> Primitive | Bounded | Opaque:
    """The Longs among decimals; a bound at the edge of what a decimal holds may stand for one beyond it."""
    units = 10 ** _PLACES[numbers.kind]
    least = -(-numbers.least // units) if numbers.least > LEAST else LEAST
    most = numbers.most // units if numbers.most < MOST else MOST
    return bounded(Primitive.LONG, least=least, most=most)
