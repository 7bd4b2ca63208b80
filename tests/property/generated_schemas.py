"""Generated JSON Schemas within what shapes know, and values for them, most of them valid."""

from typing import Any, Final

from hypothesis import strategies as st

Schema = dict[str, Any]

NAMES: Final = ("a", "string", "integer", 'q"uote\\', "Ünï", "", "if", "__entity", "__extn", "__expr", "\u2028")
SURROGATE: Final = "\ud800"
"""No snapshot has one, and neither has a message."""
TEXTS: Final = ("a", "", 'say "hi"\\n', "Ünï\u2028\U0001f600", "__entity", "nul\x00", "*", SURROGATE)
EDGES: Final = (0, 1, -1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**40)
OPAQUE: Final[tuple[Schema, ...]] = ({}, {"type": "object"}, {"type": "array"}, {"allOf": [{"type": "string"}]})
FLOATS: Final = (0.0, -0.0, 1.0, 1e3, 0.5, -0.0001, 0.00001, 5e-324, 1e19, -1.5e300, 922337203685477.5, 2.0**53 + 2)

_TEXT = st.one_of(st.sampled_from(TEXTS), st.text(max_size=4))
_INTEGER = st.one_of(st.sampled_from(EDGES), st.integers(-5, 5))
_FLOAT = st.one_of(
    st.sampled_from(FLOATS), st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9).map(float)
)
_LEAF = st.one_of(st.none(), st.booleans(), _INTEGER, _FLOAT, _TEXT)
_WRITTEN = _LEAF.filter(lambda value: value != SURROGATE)
ANYTHING: Final = st.recursive(
    _LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=5,
)


def schemas(depth: int = 3) -> st.SearchStrategy[Schema]:
    """Schemas of at most `depth` levels of arrays, objects and unions."""
    if depth == 0:
        return _leaves()
    inner = schemas(depth - 1)
    return st.one_of(_leaves(), _arrays(inner), objects(inner), _unions(inner))


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Schemas of objects with declared properties."""

    @st.composite
    def build(draw: st.DrawFn) -> Schema:
        properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=4))
        required = [name for name in properties if draw(st.booleans())]
        return {"type": "object", "properties": properties, "required": required}

    return build()


def _arrays(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({"type": st.just("array"), "items": inner})


def _unions(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    keyword = st.sampled_from(("anyOf", "oneOf"))
    return st.tuples(keyword, st.lists(inner, min_size=1, max_size=3)).map(lambda pair: {pair[0]: pair[1]})


def _leaves() -> st.SearchStrategy[Schema]:
    kinds = ("string", "integer", "number", "boolean", "null")
    several = st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True)
    return st.one_of(
        st.sampled_from(kinds).map(lambda kind: {"type": kind}),
        several.map(lambda names: {"type": names}),
        st.lists(_WRITTEN, min_size=1, max_size=4).map(lambda values: {"enum": values}),
        _WRITTEN.map(lambda value: {"const": value}),
        _bounded("integer", _INTEGER),
        _bounded("number", st.one_of(_INTEGER, _FLOAT)),
        st.sampled_from(OPAQUE),
    )


def _bounded(kind: str, bound: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    keywords = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    bounds = st.dictionaries(st.sampled_from(keywords), bound, min_size=1, max_size=2)
    return bounds.map(lambda found: {"type": kind, **found})


@st.composite
def values_of(draw: st.DrawFn, schema: Schema) -> Any:
    """A value that `schema` admits more often than not."""
    if draw(st.integers(0, 19)) == 0:
        return draw(ANYTHING)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return draw(values_of(draw(st.sampled_from(schema[keyword]))))
    kind = schema.get("type")
    return draw(_typed(draw(st.sampled_from(kind)) if isinstance(kind, list) else kind, schema))


def _typed(kind: str | None, schema: Schema) -> st.SearchStrategy[Any]:
    match kind:
        case "string":
            return _TEXT
        case "integer" | "number":
            return _numbers(kind, schema)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(values_of(schema["items"]) if "items" in schema else ANYTHING, max_size=3)
        case "object" if "properties" in schema:
            required = {
                name: values_of(part) for name, part in schema["properties"].items() if name in schema["required"]
            }
            optional = {name: values_of(part) for name, part in schema["properties"].items() if name not in required}
            return st.fixed_dictionaries(required, optional=optional)
        case _:
            return ANYTHING


def _numbers(kind: str, schema: Schema) -> st.SearchStrategy[Any]:
    near = [bound + step for bound in schema.values() if isinstance(bound, int | float) for step in (-1, 0, 1)]
    whole = st.one_of(_INTEGER, st.sampled_from((0.0, -0.0, 1.0, 1e3, 2.0**53 + 2)))
    free = whole if kind == "integer" else st.one_of(_INTEGER, _FLOAT)
    return st.one_of(free, st.sampled_from(near)) if near else free
