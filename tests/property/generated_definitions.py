"""Definitions and edits of them: small schemas over many keywords, and values near what they accept."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.property.drawing import Draw

NAMES: Final = ("a", "b", "c")
SCALARS: Final = (None, True, False, 0, 1, 2, 1.0, 2.5, "", "a", "bb", "ccc")
VALUES: Final[tuple[Any, ...]] = (
    *SCALARS,
    [],
    [1],
    ["a", "a"],
    [1, "a", None],
    {},
    {"a": 1},
    {"a": "bb", "b": 2},
    {"d": 1},
)
_TYPES: Final = ("string", "integer", "number", "boolean", "null", "array", "object")
_NUMBERS: Final = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "multipleOf", "minContains", "maxContains"),
)
_ONE: Final = (
    *("items", "not", "contains", "if", "then", "else", "propertyNames", "additionalProperties"),
    *("items", "additionalProperties"),
)


def schema(draw: Draw, depth: int) -> Any:
    """A schema of draft 2020-12 of at most `depth` levels, with references to `#/$defs/a` and `b`."""
    if draw.chance(8):
        return draw.choice((True, False, {}))
    made: dict[str, Any] = {}
    for _ in range(draw.integer(1, 3)):
        made.update(_keyword(draw, depth))
    return made


def arguments(draw: Draw) -> dict[str, Any]:
    """An input schema with definitions."""
    made: dict[str, Any] = {"type": "object", **_properties(draw, 2)}
    if draw.chance(50):
        made.update(_keyword(draw, 2))
    return {**made, "$defs": {name: schema(draw, 1) for name in ("a", "b")}}


def _keyword(draw: Draw, depth: int) -> dict[str, Any]:
    kinds = [_type, _number, _number, _number, _values, _note]
    if depth > 0:
        kinds += [_properties, _properties, _single, _several, _patterned, _reference]
    return draw.choice(kinds)(draw, depth)


def _type(draw: Draw, depth: int) -> dict[str, Any]:
    return {"type": draw.choice((draw.choice(_TYPES), draw.some(_TYPES, least=1, most=3)))}


def _number(draw: Draw, depth: int) -> dict[str, Any]:
    keyword = draw.choice(_NUMBERS)
    return {keyword: draw.integer(1 if keyword == "multipleOf" else 0, 3)}


def _values(draw: Draw, depth: int) -> dict[str, Any]:
    return draw.choice(
        (
            {"enum": draw.some(VALUES, least=1, most=4)},
            {"const": draw.choice(VALUES)},
            {"uniqueItems": draw.choice((True, False))},
            {"pattern": draw.choice(("a", "^b", "c$"))},
        )
    )


def _note(draw: Draw, depth: int) -> dict[str, Any]:
    keyword = draw.choice(("description", "title", "default", "format", "x-own"))
    return {keyword: draw.choice(("one", "two words", ""))}


def _properties(draw: Draw, depth: int) -> dict[str, Any]:
    names = draw.some(NAMES, most=3)
    made: dict[str, Any] = {"properties": {name: schema(draw, depth - 1) for name in names}}
    if draw.chance(50):
        made["required"] = draw.some(NAMES, most=2)
    return made


def _single(draw: Draw, depth: int) -> dict[str, Any]:
    return {draw.choice(_ONE): schema(draw, depth - 1)}


def _several(draw: Draw, depth: int) -> dict[str, Any]:
    keyword = draw.choice(("allOf", "anyOf", "oneOf", "prefixItems"))
    return {keyword: [schema(draw, depth - 1) for _ in range(draw.integer(1, 2))]}


def _patterned(draw: Draw, depth: int) -> dict[str, Any]:
    return draw.choice(
        (
            {"patternProperties": {draw.choice(("a", "^b")): schema(draw, depth - 1)}},
            {"dependentRequired": {draw.choice(NAMES): draw.some(NAMES, most=2)}},
            {"dependentSchemas": {draw.choice(NAMES): schema(draw, depth - 1)}},
        )
    )


def _reference(draw: Draw, depth: int) -> dict[str, Any]:
    return {"$ref": draw.choice(("#/$defs/a", "#/$defs/b"))}


def edited(draw: Draw, whole: Any, make: Any) -> tuple[Any, tuple[str | int, ...]]:
    """`whole` with one value set, taken out or put in, and the place of it (that of the list, if it moved others)."""
    path: list[str | int] = []
    at = whole
    while isinstance(at, dict | list) and at and not (path and draw.chance(25)):
        step = draw.choice(sorted(at)) if isinstance(at, dict) else draw.integer(0, len(at) - 1)
        path.append(step)
        at = at[step]
    if isinstance(at, dict) and draw.chance(60):
        path.append(draw.choice(("description", "x-own", "minimum", "enum", "properties", "required", "type", "a")))
    is_gone = draw.chance(25)
    return _with(whole, path, ABSENT if is_gone else make(draw)), tuple(_told(whole, path, is_gone=is_gone))


ABSENT: Final = object()


def _with(value: Any, path: list[str | int], new: Any) -> Any:
    if not path:
        return {} if new is ABSENT else new
    step, *rest = path
    if isinstance(value, Mapping):
        inner = value.get(str(step), {})
        made = new if not rest else _with(inner, rest, new)
        kept = {key: part for key, part in value.items() if key != step}
        return kept if made is ABSENT else {**kept, str(step): made}
    items = list(value)
    if rest:
        items[int(step)] = _with(items[int(step)], rest, new)
    else:
        items[int(step) : int(step) + 1] = [] if new is ABSENT else [new]
    return items


def _told(whole: Any, path: list[str | int], *, is_gone: bool) -> list[str | int]:
    return path[:-1] if is_gone and path and isinstance(path[-1], int) else path


def schema_edited(draw: Draw, whole: dict[str, Any]) -> dict[str, Any]:
    """An input schema with one keyword of a schema in it put in, taken out or set to something near."""
    places = list(_schemas(whole, ()))
    path = draw.choice(places)
    at = _at(whole, path)
    if not isinstance(at, dict):
        return _as_object(_with(whole, [*path], schema(draw, 1)))
    keyword = draw.choice([*at, "new", "new"])
    if keyword == "new":
        new = {**at, **_keyword(draw, 1)}
    elif draw.chance(40):
        new = {name: part for name, part in at.items() if name != keyword}
    else:
        new = {**at, keyword: _near(draw, keyword, at[keyword])}
    return _as_object(_with(whole, [*path], new))


def _near(draw: Draw, keyword: str, value: Any) -> Any:
    """Another value for a keyword of a schema."""
    if isinstance(value, int) and not isinstance(value, bool):
        return max(1, value + draw.choice((-1, 1, 2)))
    if isinstance(value, list) and keyword in {"allOf", "anyOf", "oneOf", "prefixItems"}:
        return draw.choice((value[:-1] or value, [*value, schema(draw, 1)], value[::-1]))
    if isinstance(value, list):
        options = NAMES if keyword == "required" else _TYPES if keyword == "type" else VALUES
        return draw.choice((value[:-1] or value, [*value, draw.choice(options)], value[::-1]))
    if keyword in {"properties", "patternProperties", "dependentSchemas", "$defs"}:
        name = draw.choice(NAMES)
        return draw.choice(({**value, name: schema(draw, 1)}, {k: v for k, v in value.items() if k != name}))
    made = [each[keyword] for each in (_keyword(draw, 1) for _ in range(6)) if keyword in each]
    return made[0] if made else schema(draw, 1)


def _schemas(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The places of the schemas in `node`, itself among them."""
    yield path
    for keyword, value in node.items() if isinstance(node, dict) else ():
        if keyword in _ONE and isinstance(value, dict | bool):
            yield from _schemas(value, (*path, keyword))
        elif keyword in {"allOf", "anyOf", "oneOf", "prefixItems"} and isinstance(value, list):
            for index, each in enumerate(value):
                yield from _schemas(each, (*path, keyword, index))
        elif keyword in {"properties", "patternProperties", "dependentSchemas", "$defs"} and isinstance(value, dict):
            for name, each in value.items():
                yield from _schemas(each, (*path, keyword, name))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
