from typing import Any

import pytest

from pdp.core.catalog.schema.json_schema import MAX_SCHEMAS, arguments_shape
from pdp.core.catalog.schema.shape import (
    LEAST,
    MOST,
    Bounded,
    Enumerated,
    Field,
    JsonType,
    Opaque,
    Primitive,
    RecordOf,
    Rest,
    SetOf,
    Shape,
    UnionOf,
    Why,
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


DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
NEWEST = "https://json-schema.org/draft/2020-12/schema"
ONLY_C = Enumerated(Primitive.STRING, ("c",))
LONG_OR_TEXT = UnionOf({JsonType.INTEGER: Primitive.LONG, JsonType.STRING: Primitive.STRING})


def shape_in(draft: str, schema: object, **root: object) -> Shape:
    whole = {"$schema": draft, "type": "object", "properties": {"x": schema}, **root}
    return arguments_shape(whole).fields["x"].shape


@pytest.mark.parametrize(
    ("reference", "shape"),
    [
        ("#/$defs/t", Primitive.STRING),
        ("#/%24defs/t", Primitive.STRING),
        ("#/$defs/a~1b~0c", Primitive.LONG),
        ("#/$defs/all/allOf/1", Primitive.BOOLEAN),
        ("#named", Primitive.DECIMAL),
        ("#/$defs/far", Primitive.STRING),
        ("https://example.com/tool#/$defs/t", Primitive.STRING),
        ("#/$defs/none", Opaque()),
        ("#/$defs/all/allOf/7", Opaque()),
        ("#/$defs/all/allOf/x", Opaque()),
        ("#/$defs/t/type/0", Opaque()),
        ("#nothing", Opaque()),
        ("#twice", Opaque()),
        ("other.json", Opaque()),
        (7, Opaque()),
    ],
)
def test_a_reference_is_followed_within_the_document_and_nowhere_else(reference: object, shape: Shape) -> None:
    definitions = {
        "t": STRING,
        "a/b~c": INTEGER,
        "all": {"allOf": [STRING, {"type": "boolean"}]},
        "n": {"$anchor": "named", "type": "number"},
        "far": {"$ref": "#/$defs/t"},
        "one": {"$anchor": "twice", "type": "string"},
        "two": {"$anchor": "twice", "type": "number"},
    }
    properties = {"x": {"$ref": reference}}
    found = arguments_shape({"$id": "https://example.com/tool", "properties": properties, "$defs": definitions})
    assert found.fields["x"].shape == shape


def test_no_reference_is_followed_where_a_second_resource_may_change_its_meaning() -> None:
    definitions = {"t": STRING, "inner": {"$id": "https://example.com/inner", "type": "string"}}
    found = shape_in(NEWEST, {"$ref": "#/$defs/t"}, **{"$defs": definitions})
    assert found == Opaque()


def test_a_reference_to_itself_is_opaque_where_it_recurs_first() -> None:
    node = a(value=STRING, next={"$ref": "#/$defs/node"}, children={"type": "array", "items": {"$ref": "#/$defs/node"}})
    found = shape_in(
        "https://json-schema.org/draft/2020-12/schema", {"$ref": "#/$defs/node"}, **{"$defs": {"node": node}}
    )
    assert found == record(value=Primitive.STRING, next=Opaque(), children=Opaque())
    assert isinstance(found, RecordOf)
    next_one = found.fields["next"].shape
    assert isinstance(next_one, Opaque)
    assert next_one.why is Why.RECURSIVE


def test_members_beside_a_reference_count_from_2019_on_only() -> None:
    beside, definitions = {"$ref": "#/$defs/t", "type": "integer", "minimum": 3}, {"t": {"type": ["integer", "string"]}}
    assert shape_in(NEWEST, beside, **{"$defs": definitions}) == Bounded(Primitive.LONG, 3, MOST)
    assert shape_in(DRAFT_7, beside, **{"$defs": definitions}) == LONG_OR_TEXT


def test_const_is_no_keyword_of_draft_4() -> None:
    assert shape_in(DRAFT_4, {"type": "string", "const": "a"}) == Primitive.STRING
    assert shape_in(DRAFT_7, {"type": "string", "const": "a"}) == Enumerated(Primitive.STRING, ("a",))


def test_places_of_a_tuple_are_written_as_the_draft_says() -> None:
    texts: dict[str, object] = {"type": "array", "prefixItems": [INTEGER], "items": STRING}
    assert shape_in(DRAFT_7, texts) == SetOf(Primitive.STRING)
    assert shape_in(NEWEST, texts) == Opaque()
    older: dict[str, object] = {"type": "array", "items": [STRING]}
    assert shape_in(DRAFT_7, {**older, "additionalItems": False}) == SetOf(Primitive.STRING)
    assert shape_in(DRAFT_7, {**older, "additionalItems": STRING}) == SetOf(Primitive.STRING)
    assert shape_in(DRAFT_7, {**older, "additionalItems": INTEGER}) == Opaque()
    assert shape_in(DRAFT_7, older) == Opaque()


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        ({"allOf": [a(b=STRING), a(c=INTEGER)]}, record(b=Primitive.STRING, c=Primitive.LONG)),
        (
            {"allOf": [a(b=STRING), {"properties": {"b": {"const": "c"}}}]},
            record(b=Enumerated(Primitive.STRING, ("c",))),
        ),
        ({"properties": {"b": STRING}, "allOf": [{"type": "object"}, {"required": ["b"]}]}, record(b=Primitive.STRING)),
        ({"allOf": [INTEGER, {"minimum": 1}, {"maximum": 3}]}, Bounded(Primitive.LONG, 1, 3)),
        ({"allOf": [INTEGER, {"type": "number", "minimum": 0.5, "maximum": 2.5}]}, Bounded(Primitive.LONG, 1, 2)),
        ({"allOf": [INTEGER, {"type": "number", "minimum": 1e18}]}, Primitive.LONG),
        ({"allOf": [INTEGER, {"type": "number", "minimum": 0, "maximum": 1e18}]}, Bounded(Primitive.LONG, 0, MOST)),
        ({"allOf": [INTEGER, {"type": "number", "minimum": -1e18, "maximum": 0}]}, Bounded(Primitive.LONG, LEAST, 0)),
        ({"allOf": [INTEGER, {"type": "number", "maximum": 1e18}]}, Primitive.LONG),
        ({"allOf": [INTEGER, {"type": "number", "minimum": -1e18}]}, Primitive.LONG),
        (
            {"allOf": [INTEGER, {"anyOf": [{"type": "number", "maximum": 9}, {"type": "number", "minimum": 1e15}]}]},
            Primitive.LONG,
        ),
        ({"allOf": [INTEGER, {"enum": [1, 2.5, 10**15]}]}, Primitive.LONG),
        ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, Enumerated(Primitive.STRING, ("b",))),
        ({"type": "integer", "enum": [1, 5], "minimum": 2}, Enumerated(Primitive.LONG, (5,))),
        ({"allOf": [{"type": ["string", "integer"]}, {"type": ["string", "boolean"]}]}, Primitive.STRING),
        ({"allOf": [{"type": "array", "items": STRING}, {"type": "array"}]}, SetOf(Primitive.STRING)),
        ({"allOf": [STRING, True]}, Primitive.STRING),
        ({"type": "string", "anyOf": [{"const": "a"}, {"const": "b"}]}, Enumerated(Primitive.STRING, ("a", "b"))),
        (
            {"type": "object", "properties": {"b": STRING}, "anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
            LOOSE,
        ),
        ({"anyOf": [a(b=STRING), {"type": "object", "properties": {"b": STRING}}]}, LOOSE),
    ],
)
def test_what_stands_side_by_side_holds_together(schema: object, shape: Shape) -> None:
    assert shape_of(schema).shape == shape


def test_where_an_integer_may_be_valid_as_a_number_nothing_bounds_it() -> None:
    either = {"anyOf": [{"type": "integer", "maximum": 1}, {"type": "number", "minimum": 5, "maximum": 6}]}
    loose = UnionOf({JsonType.INTEGER: Primitive.LONG, JsonType.NUMBER: Primitive.DECIMAL})
    assert shape_of({"allOf": [either, {"type": "number", "minimum": 0}]}).shape == loose
    assert shape_of({"allOf": [either, {"type": "integer", "minimum": 0}]}).shape == Primitive.LONG


def test_a_name_that_one_form_of_an_object_lacks_may_there_be_anything() -> None:
    forms = {"oneOf": [{"properties": {"x": STRING, "y": INTEGER}}, {"properties": {"x": INTEGER}}]}
    fields = arguments_shape({"type": "object", **forms}).fields
    assert (fields["x"].shape, fields["y"].shape) == (LONG_OR_TEXT, Opaque())
    assert shape_of({"type": "object", **forms}).shape == Opaque()


@pytest.mark.parametrize("draft", [DRAFT_4, DRAFT_7])
def test_untyped_members_do_not_rule_out_other_types(draft: str) -> None:
    found = shape_in(draft, {"properties": {"b": STRING}})
    assert isinstance(found, UnionOf)
    assert (found.branches[JsonType.OBJECT], found.branches[JsonType.STRING]) == (LOOSE, Primitive.STRING)
    assert arguments_shape({"properties": {"x": {"properties": {}}}, "required": ["x"]}).fields["x"].nullable is True


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (True, Why.ANYTHING),
        (False, Why.NOTHING),
        ({"type": "object"}, Why.FREE_FORM),
        ({"type": "object", "additionalProperties": STRING}, Why.FREE_FORM),
        ({"$ref": "#"}, Why.RECURSIVE),
        ({"type": "array", "items": {"type": ["string", "integer"]}}, Why.MIXED),
        ({"type": "array", "prefixItems": [STRING]}, Why.TUPLE),
        ({"anyOf": [a(b=STRING), a(c=STRING)]}, Why.DIFFERENT),
        ({"type": "integer", "minimum": 2**63}, Why.OUT_OF_RANGE),
        ({"const": 2**63}, Why.OUT_OF_RANGE),
        ({"allOf": [STRING, INTEGER]}, Why.NOTHING),
        ({"$ref": "https://example.com/x"}, Why.COMPLEX),
    ],
)
def test_what_is_opaque_says_why(schema: object, why: Why) -> None:
    found = shape_of(schema).shape
    assert isinstance(found, Opaque)
    assert found.why is why


def test_a_reserved_name_says_so() -> None:
    found = arguments_shape({"properties": {"__extn": STRING}}).fields["__extn"].shape
    assert isinstance(found, Opaque)
    assert found.why is Why.RESERVED


@pytest.mark.parametrize(
    ("schema", "rest", "patterns"),
    [
        ({}, Rest.UNDECLARED, ()),
        ({"additionalProperties": True}, Rest.UNDECLARED, ()),
        ({"additionalProperties": {}}, Rest.UNDECLARED, ()),
        ({"additionalProperties": False}, Rest.UNDECLARED, ()),
        ({"additionalProperties": STRING}, Rest.DECLARED, ()),
        ({"patternProperties": {"^x-": STRING}}, Rest.DECLARED, ("^x-",)),
        ({"patternProperties": {"^x-": STRING}, "additionalProperties": False}, Rest.DECLARED, ("^x-",)),
        ({"allOf": [{"patternProperties": {"a": {}}}, {"patternProperties": {"b": {}}}]}, Rest.DECLARED, ("a", "b")),
        ({"allOf": [{"patternProperties": {"a": {}}}, {"additionalProperties": STRING}]}, Rest.DECLARED, ()),
    ],
)
def test_members_that_are_described_without_a_name_are_declared(
    schema: dict[str, object], rest: Rest, patterns: tuple[str, ...]
) -> None:
    found = arguments_shape({"type": "object", "properties": {"x": STRING}, **schema})
    assert (found.rest, found.patterns) == (rest, patterns)


def test_what_a_condition_declares_is_declared_but_of_no_sure_shape() -> None:
    conditional = {"if": {}, "then": {"properties": {"x": INTEGER, "y": INTEGER}}}
    found = arguments_shape({"properties": {"x": STRING}, **conditional})
    assert found.fields == {"x": Field(Primitive.STRING, required=False), "y": Field(Opaque(), required=False)}


def test_definitions_that_double_at_every_step_are_read_up_to_a_bound() -> None:
    definitions: dict[str, Any] = {
        f"d{n}": {"type": "object", "properties": {side: {"$ref": f"#/$defs/d{n + 1}"} for side in "lr"}}
        for n in range(60)
    }
    shape = arguments_shape({"properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": {**definitions, "d60": STRING}})
    assert 0 < size(shape) <= 2 * MAX_SCHEMAS


def size(shape: Shape) -> int:
    return 1 + sum(size(f.shape) for f in shape.fields.values()) if isinstance(shape, RecordOf) else 1


def test_a_hundred_thousand_properties_are_all_declared_and_few_of_them_read() -> None:
    shape = arguments_shape({"properties": {f"p{number}": STRING for number in range(100_000)}})
    assert len(shape.fields) == 100_000
    assert sum(field.shape is Primitive.STRING for field in shape.fields.values()) < MAX_SCHEMAS
