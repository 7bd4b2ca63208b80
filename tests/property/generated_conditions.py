"""Generated conditions: Cedar text that strict validation takes."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.property.drawing import Draw
from tests.property.generated_catalog import AMOUNTS, COUNTS, TEXTS, Argument, Kind
from tests.property.generated_surroundings import surrounding
from tests.property.generated_view import Place, View, literal

_PATTERNS: Final = ("release/*", "*", "/srv/*", "m*n", "*\\*", "r*/*1")
_ORDER: Final = ("==", "!=", "<", "<=", ">", ">=")


def condition(draw: Draw, *, view: View, depth: int = 2) -> str:
    """A boolean expression over `view`, of at most `depth` connectives one in another."""
    if depth == 0 or draw.chance(45):
        return _atom(draw, view)
    form = draw.choice(("and", "or", "not", "if"))
    if form == "not":
        return f"!({condition(draw, view=view, depth=depth - 1)})"
    left, right = (condition(draw, view=view, depth=depth - 1) for _ in range(2))
    match form:
        case "and":
            return f"({left}) && ({right})"
        case "or":
            return f"({left}) || ({right})"
        case _:
            return f"if {left} then {right} else {condition(draw, view=view, depth=depth - 1)}"


def _atom(draw: Draw, view: View) -> str:
    if not view.places or draw.chance(35):
        return surrounding(draw, view=view)
    place = draw.choice(view.places)
    if draw.chance(10) or place.argument.kind is Kind.FREE:
        return _guarded(draw, _outer(place), place.presence)
    return _guarded(draw, place.guards, _READINGS[place.argument.kind](draw, place, view))


def _outer(place: Place) -> tuple[str, ...]:
    """The guards of the record that the place is in."""
    return tuple(guard for guard in place.guards if guard != place.presence)


def _guarded(draw: Draw, guards: tuple[str, ...], reading: str) -> str:
    if not guards:
        return reading
    if draw.chance(20):
        return f"if {' && '.join(guards)} then {reading} else {draw.choice(('false', 'true'))}"
    return " && ".join((*guards, f"({reading})"))


def _text(draw: Draw, place: Place, view: View) -> str:
    options = place.argument.options or TEXTS
    other = _other(draw, place, view)
    forms = [
        f"{place.text} == {literal(draw.choice(options))}",
        f"{place.text} != {literal(draw.choice(options))}",
        f"{_texts(draw, options)}.contains({place.text})",
        f"{{a: {place.text}, b: 1}}.a == {literal(draw.choice(options))}",
        f"{place.text} == {other or literal(draw.choice(options))}",
        f"[{place.text}, {literal(draw.choice(options))}].contains({literal(draw.choice(options))})",
    ]
    if place.argument.marked:
        forms += [f'{place.text} like "{draw.choice(_PATTERNS)}"'] * 2
    return draw.choice(forms)


def _count(draw: Draw, place: Place, view: View) -> str:
    order, bound = draw.choice(_ORDER), draw.choice(COUNTS[:6])
    return draw.choice(
        (
            f"{place.text} {order} {bound}",
            f"{place.text} {order} {bound}",
            f"{bound} {order} {place.text}",
            f"{place.text} + {draw.choice(COUNTS[:7])} {order} {bound}",
            f"{place.text} * {draw.choice((2, 2**62))} {order} {bound}",
            f"-{place.text} {order} {bound}",
            f"[{bound}, {draw.choice(COUNTS)}].contains({place.text})",
            f"{place.text} {order} {_other(draw, place, view) or bound}",
        )
    )


def _flag(draw: Draw, place: Place, view: View) -> str:
    return draw.choice((place.text, f"!{place.text}", f"{place.text} == true", f"{place.text} != false"))


def _amount(draw: Draw, place: Place, view: View) -> str:
    method = draw.choice(("lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"))
    bound = f'decimal("{draw.choice(AMOUNTS)}")'
    return draw.choice((f"{place.text}.{method}({bound})", f"{place.text} == {bound}"))


def _set_of_texts(draw: Draw, place: Place, view: View) -> str:
    method = draw.choice(("containsAny", "containsAll"))
    return draw.choice(
        (
            f"{place.text}.contains({literal(draw.choice(TEXTS))})",
            f"{place.text}.{method}({_texts(draw, TEXTS)})",
            f"{_texts(draw, TEXTS)}.{method}({place.text})",
            f"{place.text}.isEmpty()",
            f"{place.text} == {_texts(draw, TEXTS)}",
        )
    )


def _set_of_counts(draw: Draw, place: Place, view: View) -> str:
    some = f"[{', '.join(str(count) for count in draw.some(COUNTS, least=1, most=3))}]"
    return draw.choice(
        (
            f"{place.text}.contains({draw.choice(COUNTS)})",
            f"{place.text}.containsAny({some})",
            f"{place.text} == {some}",
            f"{place.text}.isEmpty()",
        )
    )


def _nested(draw: Draw, place: Place, view: View) -> str:
    """A whole record where its type lets it be written down, else whether it has one of its parts."""
    parts = place.argument.parts
    if parts and all(part.required and part.kind in _WRITTEN for part in parts):
        fields = (f"{literal(part.name)}: {_WRITTEN[part.kind](draw, part)}" for part in parts)
        return f"{place.text} == {{{', '.join(fields)}}}"
    return f"{place.text} has {literal(draw.choice(parts).name if parts else 'none')}"


def _texts(draw: Draw, options: tuple[str, ...]) -> str:
    return f"[{', '.join(literal(text) for text in draw.some(options, least=1, most=3))}]"


def _other(draw: Draw, place: Place, view: View) -> str | None:
    """Another argument of the same kind that is there whenever `place` is."""
    found = [
        other.text
        for other in view.places
        if other.argument.kind is place.argument.kind and set(other.guards) <= set(place.guards) and other != place
    ]
    return draw.choice(found) if found else None


_Reading = Callable[[Draw, Place, View], str]
_READINGS: Final[Mapping[Kind, _Reading]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _text,
    Kind.COUNT: _count,
    Kind.FLAG: _flag,
    Kind.AMOUNT: _amount,
    Kind.TEXTS: _set_of_texts,
    Kind.COUNTS: _set_of_counts,
    Kind.NESTED: _nested,
    Kind.EITHER: _nested,
}
_WRITTEN: Final[Mapping[Kind, Callable[[Draw, Argument], str]]] = {
    Kind.TEXT: lambda draw, _: literal(draw.choice(TEXTS)),
    Kind.CHOICE: lambda draw, part: literal(draw.choice(part.options)),
    Kind.COUNT: lambda draw, _: str(draw.choice(COUNTS)),
    Kind.FLAG: lambda draw, _: draw.choice(("true", "false")),
}
