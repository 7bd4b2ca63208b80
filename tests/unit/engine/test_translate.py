import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.catalog.schema.shape import (
    Bounded,
    Enumerated,
    Field,
    JsonType,
    Opaque,
    Primitive,
    RecordOf,
    SetOf,
    Shape,
    UnionOf,
)
from pdp.core.engine.translate import Translated, json_place, translate


def one(value: object, shape: Shape, *, nullable: bool = False) -> Translated:
    return translate({"x": value}, RecordOf({"x": Field(shape, required=False, nullable=nullable)}))


def extension(name: str, text: str) -> dict[str, object]:
    return {"__extn": {"fn": name, "arg": text}}


ONE = {"number": extension("decimal", "1.0000")}
INNER = RecordOf({"a": Field(Primitive.STRING, required=True), "o": Field(Opaque(), required=False)})

UNION = UnionOf(
    {
        JsonType.STRING: Primitive.STRING,
        JsonType.INTEGER: Primitive.LONG,
        JsonType.NUMBER: Primitive.DECIMAL,
        JsonType.ARRAY: SetOf(Primitive.STRING),
        JsonType.OBJECT: INNER,
    }
)


@pytest.mark.parametrize(
    ("value", "shape", "cedar"),
    [
        ("é", Primitive.STRING, "é"),
        (True, Primitive.BOOLEAN, True),
        (2**63 - 1, Primitive.LONG, 2**63 - 1),
        (-(2**63), Primitive.LONG, -(2**63)),
        (1, Primitive.DECIMAL, extension("decimal", "1.0000")),
        (-1.5, Primitive.DECIMAL, extension("decimal", "-1.5000")),
        (["a", "b"], SetOf(Primitive.STRING), ["a", "b"]),
        ([], SetOf(Primitive.STRING), []),
        ({"a": "b"}, INNER, {"a": "b"}),
        ([["a"], []], SetOf(SetOf(Primitive.STRING)), [["a"], []]),
        ([{"a": "b"}], SetOf(INNER), [{"a": "b"}]),
        ("a\x00\u2028\U0001f600\ufeff", Primitive.STRING, "a\x00\u2028\U0001f600\ufeff"),
        ("__entity", Primitive.STRING, "__entity"),
        (1.0, Primitive.LONG, 1),
        (1e3, Primitive.LONG, 1000),
        (-0.0, Primitive.LONG, 0),
        (-(2.0**53), Primitive.LONG, -(2**53)),
        (-0.0, Primitive.DECIMAL, extension("decimal", "0.0000")),
        (-0.0001, Primitive.DECIMAL, extension("decimal", "-0.0001")),
        (1e3, Primitive.DECIMAL, extension("decimal", "1000.0000")),
        (922337203685477, Primitive.DECIMAL, extension("decimal", "922337203685477.0000")),
        (-922337203685477, Primitive.DECIMAL, extension("decimal", "-922337203685477.0000")),
        ("outside", Enumerated(Primitive.STRING, ("a",)), "outside"),
        (7, Bounded(Primitive.LONG, 1, 2), 7),
        ("a", UNION, {"string": "a"}),
        (1, UNION, {"integer": 1}),
        (1.0, UNION, {"integer": 1}),
        (1.5, UNION, {"number": extension("decimal", "1.5000")}),
        (True, UnionOf({JsonType.BOOLEAN: Primitive.BOOLEAN, JsonType.INTEGER: Primitive.LONG}), {"boolean": True}),
        (1, UnionOf({JsonType.BOOLEAN: Primitive.BOOLEAN, JsonType.NUMBER: Primitive.DECIMAL}), ONE),
        (["a"], UNION, {"array": ["a"]}),
        ({"a": "b"}, UNION, {"object": {"a": "b"}}),
    ],
)
def test_a_value_of_its_shape_is_held_exactly(value: object, shape: Shape, cedar: object) -> None:
    assert one(value, shape) == Translated({"x": cedar}, frozenset())


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (2**63, Primitive.LONG),
        (-(2**63) - 1, Primitive.LONG),
        (10**400, Primitive.LONG),
        (1.5, Primitive.LONG),
        (2.0**53 + 2, Primitive.LONG),
        (1e19, Primitive.LONG),
        (math.inf, Primitive.LONG),
        (math.nan, Primitive.LONG),
        (True, Primitive.LONG),
        ("1", Primitive.LONG),
        (1, Primitive.STRING),
        (1, Primitive.BOOLEAN),
        (0.00001, Primitive.DECIMAL),
        (1e20, Primitive.DECIMAL),
        (5e-324, Primitive.DECIMAL),
        (1.7e308, Primitive.DECIMAL),
        (math.inf, Primitive.DECIMAL),
        (-math.inf, Primitive.DECIMAL),
        (math.nan, Primitive.DECIMAL),
        (922337203685478, Primitive.DECIMAL),
        (10**400, Primitive.DECIMAL),
        ("1.5", Primitive.DECIMAL),
        ("\ud800", Primitive.STRING),
        (["a", "\udfff"], SetOf(Primitive.STRING)),
        ([[1], ["a"]], SetOf(SetOf(Primitive.LONG))),
        ([None], SetOf(Primitive.STRING)),
        (None, UNION),
        (True, UNION),
        (True, Primitive.DECIMAL),
        (None, Primitive.STRING),
        (["a", 1], SetOf(Primitive.STRING)),
        ([{"a": "b", "o": 1}], SetOf(INNER)),
        ("a", SetOf(Primitive.STRING)),
        ("a", INNER),
        ({"anything": 1}, Opaque()),
        ({"__entity": {"type": "Mcp::User", "id": "root"}}, Opaque()),
    ],
)
def test_a_value_that_cedar_cannot_hold_is_left_out_and_named(value: object, shape: Shape) -> None:
    assert one(value, shape) == Translated({}, frozenset({("x",)}))


def test_null_is_absence_only_where_the_schema_allows_it() -> None:
    assert one(None, Primitive.STRING, nullable=True) == Translated({}, frozenset())


def test_a_part_that_is_lost_does_not_take_its_record_with_it() -> None:
    assert one({"a": "b", "o": 1, "undeclared": 2}, INNER) == Translated(
        {"x": {"a": "b"}}, frozenset({("x", "o"), ("x", "undeclared")})
    )


@pytest.mark.parametrize(
    ("value", "record", "lost"),
    [
        (2**63, {}, ("x", "integer")),
        (1.00001, {}, ("x", "number")),
        (["a", 1], {}, ("x", "array")),
        ({"a": 1}, {"object": {}}, ("x", "object", "a")),
        ({"a": "b", "c": 1}, {"object": {"a": "b"}}, ("x", "object", "c")),
    ],
)
def test_of_a_union_the_type_is_known_though_the_value_is_lost(
    value: object, record: dict[str, object], lost: tuple[str, ...]
) -> None:
    assert one(value, UNION) == Translated({"x": record}, frozenset({lost}))


def test_in_a_set_a_record_is_lost_with_any_of_its_parts() -> None:
    holder = RecordOf({"u": Field(UNION, required=False)})
    assert one([{"u": "a"}], SetOf(holder)) == Translated({"x": [{"u": {"string": "a"}}]}, frozenset())
    assert one([{"u": 2**63}], SetOf(holder)) == Translated({}, frozenset({("x",)}))


@pytest.mark.parametrize("arguments", [None, [], "a", 1, [["x", 1]]])
def test_arguments_that_are_no_object_are_lost_as_a_whole(arguments: object) -> None:
    assert translate(arguments, INNER) == Translated({}, frozenset({()}))


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_escapes_in_arguments_never_reach_cedar(name: str) -> None:
    hostile = {name: {"type": "Mcp::User", "id": "root"}}
    assert translate(hostile, INNER) == Translated({}, frozenset({(name,)}))
    assert one(hostile, INNER) == Translated({"x": {}}, frozenset({("x", name)}))
    assert one([hostile], SetOf(INNER)) == Translated({}, frozenset({("x",)}))
    assert one(hostile, UNION) == Translated({"x": {"object": {}}}, frozenset({("x", "object", name)}))
    assert one(hostile, Primitive.STRING) == Translated({}, frozenset({("x",)}))


def test_a_value_of_any_depth_is_lost_not_an_error() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    assert one(deep, SetOf(Primitive.LONG)) == Translated({}, frozenset({("x",)}))
    assert one({"o": deep}, INNER) == Translated({"x": {}}, frozenset({("x", "o")}))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), ()),
        (("x",), ("x",)),
        (("x", "a"), ("x", "a")),
        (("x", "o", "deeper"), ("x", "o")),
        (("x", "undeclared"), ("x", "undeclared")),
        (("u",), ("u",)),
        (("u", "string"), ("u",)),
        (("u", "object", "a"), ("u",)),
        (("other", "a"), ("other",)),
    ],
)
def test_a_path_through_a_union_depends_on_the_union_as_written(path: tuple[str, ...], place: tuple[str, ...]) -> None:
    shape = RecordOf({"x": Field(INNER, required=False), "u": Field(UNION, required=False)})
    assert json_place(path, shape=shape) == place


@given(st.decimals(min_value=-(10**14), max_value=10**14, places=4))
def test_a_number_of_four_places_that_a_float_carries_is_a_decimal(number: object) -> None:
    value = float(str(number))
    translated = one(value, Primitive.DECIMAL)
    held = [float(item["__extn"]["arg"]) for item in translated.value.values()]
    assert (held, translated.unrepresentable) == ([value], frozenset())
