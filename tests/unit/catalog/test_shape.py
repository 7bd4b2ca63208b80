import pytest

from pdp.core.catalog.shape import Field, Opaque, Primitive, RecordOf, SetOf, Shape, arguments_shape


def shape_of(schema: object) -> Field:
    return arguments_shape({"type": "object", "properties": {"x": schema}}).fields["x"]


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        ({"type": "integer"}, Primitive.LONG),
        ({"type": "number"}, Primitive.DECIMAL),
        ({"type": "string"}, Primitive.STRING),
        ({"type": "boolean"}, Primitive.BOOLEAN),
        ({"enum": ["name", "size"]}, Primitive.STRING),
        ({"const": 4}, Primitive.LONG),
        ({"enum": ["a", 1]}, Opaque()),
        ({"type": "array", "items": {"type": "string"}}, SetOf(Primitive.STRING)),
        ({"type": "array"}, Opaque()),
        ({"type": "array", "items": {"type": ["string", "null"]}}, Opaque()),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}}, Opaque()),
        ({"type": "object"}, Opaque()),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            RecordOf({"a": Field(Primitive.STRING, required=True)}),
        ),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, Opaque()),
        ({"anyOf": "x"}, Opaque()),
        ({"$ref": "#/$defs/x"}, Opaque()),
        ({}, Opaque()),
        (True, Opaque()),
        (None, Opaque()),
        ({"type": 7}, Opaque()),
    ],
)
def test_a_schema_has_the_shape_that_holds_its_values_exactly(schema: object, shape: Shape) -> None:
    assert shape_of(schema).shape == shape


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"type": "string"}]},
        {"type": ["string", "null"]},
        {"enum": ["a", None]},
    ],
)
def test_a_nullable_value_is_optional(schema: object) -> None:
    assert shape_of(schema) == Field(Primitive.STRING, required=False, nullable=True)


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_names_that_cedar_escapes_with_are_opaque(name: str) -> None:
    shape = arguments_shape({"type": "object", "properties": {name: {"type": "string"}}})
    assert shape.fields[name].shape == Opaque()


def test_a_schema_deeper_than_the_bound_is_opaque_not_an_error() -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "array", "items": schema}
    assert shape_of(schema).shape == Opaque()
