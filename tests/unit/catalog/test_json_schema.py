from typing import Any

import pytest

from pdp.core.catalog.json_schema import arguments_shape
from pdp.core.catalog.shape import (
    LEAST,
    MOST,
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

INTEGER, NUMBER, STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}


LOOSE = RecordOf({"b": Field(Primitive.STRING, required=False)})


def shape_of(schema: object) -> Field:
    return arguments_shape({"type": "object", "properties": {"x": schema}}).fields["x"]


def a(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def record(**fields: Shape) -> RecordOf:
    return RecordOf({name: Field(shape, required=True) for name, shape in fields.items()})


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        (INTEGER, Primitive.LONG),
        (NUMBER, Primitive.DECIMAL),
        (STRING, Primitive.STRING),
        ({"type": "boolean"}, Primitive.BOOLEAN),
        ({"type": ["string"]}, Primitive.STRING),
        ({"type": "string", "anyOf": [{"format": "date"}, {"format": "time"}]}, Primitive.STRING),
        ({"type": "array", "items": STRING}, SetOf(Primitive.STRING)),
        ({"type": "array", "items": {"type": "array", "items": INTEGER}}, SetOf(SetOf(Primitive.LONG))),
        ({"type": "array", "items": a(b=INTEGER)}, SetOf(record(b=Primitive.LONG))),
        (a(b=STRING), record(b=Primitive.STRING)),
        ({"type": "object", "properties": {}}, RecordOf({})),
        (
            {"type": "object", "properties": {"b": STRING}, "required": "b"},
            LOOSE,
        ),
    ],
)
def test_a_schema_has_the_shape_that_holds_its_values_exactly(schema: object, shape: Shape) -> None:
    assert shape_of(schema).shape == shape


@pytest.mark.parametrize(
    "schema",
    [
        {},
        True,
        None,
        {"type": 7},
        {"type": "nonsense"},
        {"type": "object"},
        {"type": "null"},
        {"type": "array"},
        {"type": "array", "items": True},
        {"type": "array", "items": [STRING]},
        {"type": "array", "items": {"type": ["string", "null"]}},
        {"type": "array", "items": {"type": ["string", "integer"]}},
        {"type": "array", "prefixItems": [STRING], "items": INTEGER},
        {"type": "array", "prefixItems": [STRING]},
        {"$ref": "#/$defs/x"},
        {"allOf": []},
        {"anyOf": "x"},
        {"anyOf": []},
        {"anyOf": [STRING, {}]},
        {"anyOf": [STRING, {"$ref": "#"}]},
        {"enum": "x"},
        {"enum": []},
        {"enum": [{"a": 1}]},
        {"type": "string", "enum": [1]},
        {"const": 2**63},
        {"type": "number", "const": 0.00001},
        {"type": "integer", "minimum": 2**63},
        {"type": "integer", "minimum": 3, "maximum": 2},
    ],
)
def test_what_could_be_anything_or_nothing_that_cedar_holds_is_opaque(schema: object) -> None:
    assert shape_of(schema).shape == Opaque()


@pytest.mark.parametrize(
    ("schema", "kind", "values"),
    [
        ({"enum": ["b", "a", "b"]}, Primitive.STRING, ("a", "b")),
        ({"const": "a"}, Primitive.STRING, ("a",)),
        ({"const": 4}, Primitive.LONG, (4,)),
        ({"const": 4.0}, Primitive.LONG, (4,)),
        ({"const": True}, Primitive.BOOLEAN, (True,)),
        ({"enum": [1, 2**63, -3]}, Primitive.LONG, (-3, 1)),
        ({"enum": [1, 2.5]}, Primitive.DECIMAL, (10_000, 25_000)),
        ({"type": "number", "enum": [1, 1.00001]}, Primitive.DECIMAL, (10_000,)),
        ({"type": "string", "enum": ["a", 1, None]}, Primitive.STRING, ("a",)),
        ({"type": "integer", "enum": [1, 1.5, True, "a"]}, Primitive.LONG, (1,)),
        ({"anyOf": [{"const": "b"}, {"const": "a"}]}, Primitive.STRING, ("a", "b")),
    ],
)
def test_an_enumeration_keeps_the_values_that_cedar_can_hold(
    schema: object, kind: Primitive, values: tuple[Any, ...]
) -> None:
    assert shape_of(schema) == Field(Enumerated(kind, values), required=False)


@pytest.mark.parametrize(
    ("bounds", "least", "most"),
    [
        ({"minimum": 1, "maximum": 50}, 1, 50),
        ({"minimum": 1}, 1, MOST),
        ({"maximum": 1}, LEAST, 1),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 3}, 2, 2),
        ({"exclusiveMinimum": 0.5, "exclusiveMaximum": 2.5}, 1, 2),
        ({"minimum": 0.5, "maximum": 2.5}, 1, 2),
        ({"minimum": 2, "exclusiveMinimum": 1}, 2, MOST),
        ({"minimum": 2, "exclusiveMinimum": True}, 2, MOST),
        ({"minimum": -1e300, "maximum": 7.0}, LEAST, 7),
    ],
)
def test_integers_keep_their_bounds(bounds: dict[str, Any], least: int, most: int) -> None:
    assert shape_of(INTEGER | bounds).shape == Bounded(Primitive.LONG, least, most)


def test_numbers_keep_their_bounds_in_ten_thousandths() -> None:
    bounds = {"minimum": 0.1, "exclusiveMaximum": 1}
    assert shape_of(NUMBER | bounds).shape == Bounded(Primitive.DECIMAL, 1_000, 9_999)
    fine = {"minimum": 0.10001, "maximum": 0.99999}
    assert shape_of(NUMBER | fine).shape == Bounded(Primitive.DECIMAL, 1_001, 9_999)


def test_bounds_beyond_what_cedar_holds_bound_nothing() -> None:
    assert shape_of(INTEGER | {"minimum": -(10**5000), "maximum": 10**5000}).shape == Primitive.LONG
    assert shape_of(NUMBER | {"minimum": -1e300, "maximum": 1e300}).shape == Primitive.DECIMAL


@pytest.mark.parametrize(
    ("schema", "branches"),
    [
        ({"type": ["string", "integer"]}, {"string": Primitive.STRING, "integer": Primitive.LONG}),
        ({"anyOf": [STRING, INTEGER]}, {"string": Primitive.STRING, "integer": Primitive.LONG}),
        (
            {"oneOf": [{"type": "array", "items": STRING}, STRING]},
            {"array": SetOf(Primitive.STRING), "string": Primitive.STRING},
        ),
        (
            {"enum": ["a", 1]},
            {"integer": Enumerated(Primitive.LONG, (1,)), "string": Enumerated(Primitive.STRING, ("a",))},
        ),
        ({"type": ["string", "object"]}, {"string": Primitive.STRING, "object": Opaque()}),
        (
            {"type": ["integer", "string"], "minimum": 3},
            {"integer": Bounded(Primitive.LONG, 3, MOST), "string": Primitive.STRING},
        ),
        (
            {"anyOf": [STRING, {"anyOf": [INTEGER, {"type": "boolean"}]}]},
            {"boolean": Primitive.BOOLEAN, "integer": Primitive.LONG, "string": Primitive.STRING},
        ),
        (
            {"anyOf": [STRING, a(b=STRING), a(b={"const": "c"})]},
            {"string": Primitive.STRING, "object": record(b=Primitive.STRING)},
        ),
        ({"anyOf": [STRING, a(b=STRING), a(c=STRING)]}, {"string": Primitive.STRING, "object": Opaque()}),
        (
            {"anyOf": [STRING, a(b=STRING), a(b=INTEGER)]},
            {
                "string": Primitive.STRING,
                "object": record(b=UnionOf({JsonType.INTEGER: Primitive.LONG, JsonType.STRING: Primitive.STRING})),
            },
        ),
        (
            {"anyOf": [STRING, {"type": "array", "items": STRING}, {"type": "array", "items": INTEGER}]},
            {"string": Primitive.STRING, "array": Opaque()},
        ),
    ],
)
def test_a_union_has_a_branch_for_each_type(schema: object, branches: dict[str, Shape]) -> None:
    assert shape_of(schema) == Field(UnionOf({JsonType(name): s for name, s in branches.items()}), required=False)


def test_a_union_of_one_type_is_that_type() -> None:
    assert shape_of({"anyOf": [STRING, {"const": "a"}]}).shape == Primitive.STRING
    assert shape_of({"anyOf": [INTEGER, {"type": "integer", "minimum": 3}]}).shape == Primitive.LONG
    assert shape_of({"anyOf": [a(b=STRING), a(b=STRING)]}).shape == record(b=Primitive.STRING)
    near, far = {"type": "integer", "minimum": 1, "maximum": 2}, {"type": "integer", "minimum": 7, "maximum": 9}
    assert shape_of({"anyOf": [near, far]}).shape == Bounded(Primitive.LONG, 1, 9)
    assert shape_of({"anyOf": [near, {"const": 4}]}).shape == Primitive.LONG


def test_an_integer_beside_numbers_may_be_any_of_both() -> None:
    schema = {"anyOf": [{"type": "integer", "minimum": 10}, {"type": "number", "maximum": 5}]}
    expected = UnionOf({JsonType.INTEGER: Primitive.LONG, JsonType.NUMBER: Bounded(Primitive.DECIMAL, LEAST, 50_000)})
    assert shape_of(schema).shape == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [STRING, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, STRING]},
        {"type": ["string", "null"]},
        {"anyOf": [STRING, {"const": None}]},
    ],
)
def test_a_nullable_value_is_optional(schema: dict[str, object]) -> None:
    shape = arguments_shape({"type": "object", "properties": {"x": schema}, "required": ["x"]})
    assert shape.fields["x"] == Field(Primitive.STRING, required=False, nullable=True)


def test_a_nullable_union_is_optional_too() -> None:
    found = shape_of({"type": ["string", "null", "integer"]})
    union = UnionOf({JsonType.INTEGER: Primitive.LONG, JsonType.STRING: Primitive.STRING})
    assert found == Field(union, required=False, nullable=True)


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_names_that_cedar_escapes_with_are_opaque_at_any_depth(name: str) -> None:
    inner = {"type": "object", "properties": {name: STRING}}
    schema = {"properties": {name: STRING, "in": inner, "many": {"type": "array", "items": inner}}}
    shape = arguments_shape({"type": "object", **schema})
    opaque = RecordOf({name: Field(Opaque(), required=False)})
    assert shape == RecordOf(
        {
            **opaque.fields,
            "in": Field(opaque, required=False),
            "many": Field(SetOf(opaque), required=False),
        }
    )


@pytest.mark.parametrize("wrap", ["items", "anyOf", "properties"])
def test_a_schema_deeper_than_the_bound_is_opaque_not_an_error(wrap: str) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        wrapped: dict[str, dict[str, Any]] = {
            "items": {"type": "array", "items": schema},
            "anyOf": {"anyOf": [schema]},
            "properties": {"type": "object", "properties": {"x": schema}},
        }
        schema = wrapped[wrap]
    found: Shape = shape_of(schema).shape
    while isinstance(found, RecordOf):
        found = found.fields["x"].shape
    assert found == Opaque()


@pytest.mark.parametrize("more", [{"anyOf": [{"required": ["x"]}]}, {"allOf": [{}]}, {"$ref": "#/$defs/y"}])
def test_declared_arguments_are_declared_whatever_else_the_schema_says(more: dict[str, object]) -> None:
    assert arguments_shape({"type": "object", "properties": {"x": STRING}, **more}).fields.keys() == {"x"}


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "object", "properties": 7}])
def test_a_tool_without_properties_has_no_arguments(schema: dict[str, object]) -> None:
    assert arguments_shape(schema) == RecordOf({})
