import json
from typing import Any

import pytest

from pdp.core.catalog.schema.constraints import CHECKED, Constraints, SchemaPlaces
from pdp.core.catalog.schema.dialect import Dialect
from pdp.core.catalog.schema.validator import compile_schema

A: dict[str, Any] = {"properties": {"a": {}}}
REFUSED: dict[str, tuple[dict[str, Any], Any]] = {
    "$dynamicRef": ({"$dynamicRef": "#a", "$defs": {"a": {"$dynamicAnchor": "a", "type": "string"}}}, 1),
    "additionalItems": ({"items": [{}], "additionalItems": False}, [1, 2]),
    "additionalProperties": ({**A, "additionalProperties": False}, {"b": 1}),
    "const": ({"const": 1}, 2),
    "contains": ({"contains": {"type": "string"}}, [1]),
    "contentEncoding": ({"contentEncoding": "base64"}, "{:"),
    "contentMediaType": ({"contentMediaType": "application/json"}, "{:"),
    "dependencies": ({"dependencies": {"a": ["b"]}}, {"a": 1}),
    "dependentRequired": ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
    "dependentSchemas": ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}),
    "enum": ({"enum": [1]}, 2),
    "exclusiveMaximum": ({"maximum": 3, "exclusiveMaximum": 3}, 3),
    "exclusiveMinimum": ({"minimum": 3, "exclusiveMinimum": 3}, 3),
    "if": ({"if": {"type": "string"}, "then": {"enum": ["a"]}}, "b"),
    "maxContains": ({"contains": {}, "maxContains": 1}, [1, 1]),
    "maxItems": ({"maxItems": 1}, [1, 1]),
    "maxLength": ({"maxLength": 1}, "ab"),
    "maxProperties": ({"maxProperties": 0}, {"a": 1}),
    "maximum": ({"maximum": 1}, 2),
    "minContains": ({"contains": {}, "minContains": 2}, [1]),
    "minItems": ({"minItems": 1}, []),
    "minLength": ({"minLength": 1}, ""),
    "minProperties": ({"minProperties": 1}, {}),
    "minimum": ({"minimum": 1}, 0),
    "multipleOf": ({"multipleOf": 2}, 3),
    "not": ({"not": {"type": "string"}}, "a"),
    "pattern": ({"pattern": "^a"}, "b"),
    "patternProperties": ({"patternProperties": {"^a": {"type": "string"}}}, {"a": 1}),
    "prefixItems": ({"prefixItems": [{"type": "string"}]}, [1]),
    "propertyNames": ({"propertyNames": {"enum": ["a"]}}, {"b": 1}),
    "unevaluatedItems": ({"unevaluatedItems": False}, [1]),
    "unevaluatedProperties": ({**A, "unevaluatedProperties": False}, {"b": 1}),
    "uniqueItems": ({"uniqueItems": True}, [1, 1]),
}


def constraints(schema: dict[str, Any]) -> Constraints:
    places = SchemaPlaces(schema)
    return places.constraints(places.top())


def test_every_keyword_has_a_case() -> None:
    assert REFUSED.keys() == CHECKED.keys()


@pytest.mark.parametrize("draft", Dialect)
@pytest.mark.parametrize("keyword", CHECKED)
def test_a_keyword_is_told_as_enforced_where_the_check_of_arguments_enforces_it(keyword: str, draft: Dialect) -> None:
    schema, value = REFUSED[keyword]
    if draft is Dialect.DRAFT_4 and keyword.startswith("exclusive"):
        schema = {**schema, keyword: True}
    if draft is Dialect.DRAFT_2020_12 and keyword == "additionalItems":
        schema = {keyword: False}  # it knows no array of `items` either
    written = {"$schema": draft.value, **schema}
    refused = not compile_schema(written).is_valid(value)
    assert (keyword in constraints(written).enforced) is refused
    assert (keyword in constraints(written).unenforced) is not refused


@pytest.mark.parametrize("draft", Dialect)
def test_no_one_checks_formats(draft: Dialect) -> None:
    schema = {"$schema": draft.value, "type": "string", "format": "email", "contentSchema": False}
    assert compile_schema(schema).is_valid("no address")
    assert constraints(schema) == Constraints((), ("contentSchema", "format"))


def test_references_and_branches_are_followed_and_circles_end() -> None:
    schema = {
        "$defs": {"a/b": {"allOf": [{"minLength": 1}, {"$ref": "#"}]}, "list": [{"maxLength": 3}]},
        "anyOf": [{"$ref": "#/$defs/a~1b"}, {"type": "null"}, {"$ref": "#/$defs/list/0"}, {"$ref": "#/nowhere"}],
        "oneOf": [{"type": "string"}, {"type": "null", "description": "none"}],
    }
    assert constraints(schema) == Constraints(("$ref", "anyOf", "maxLength", "minLength"), ())
    beside = {"$ref": "#/definitions/a", "definitions": {"a": {"minimum": 1}}, "pattern": "a"}
    assert constraints({"$schema": Dialect.DRAFT_7.value, **beside}) == Constraints(("minimum",), ())
    assert constraints(beside) == Constraints(("minimum", "pattern"), ())


@pytest.mark.parametrize(
    "schema",
    [
        {"additionalProperties": True, "uniqueItems": False, "minLength": 0, "patternProperties": {}},
        {"additionalProperties": {}, "propertyNames": True, "if": {"type": "string"}, "unknown": 1},
        {"title": "a", "default": 0, "examples": [1], "type": "string"},
    ],
)
def test_what_demands_nothing_is_not_told(schema: dict[str, Any]) -> None:
    assert constraints(schema) == Constraints((), ())


def test_a_schema_that_doubles_at_each_step_is_read_in_no_time() -> None:
    definitions: dict[str, Any] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(200)
    }
    schema = {"$ref": "#/$defs/d0", "$defs": {**definitions, "d200": {"maxLength": 3}}}
    assert constraints(json.loads(json.dumps(schema))) == Constraints(("maxLength",), ())


def test_of_more_schemas_than_are_read_the_keyword_is_told_that_leads_to_them() -> None:
    branches = [{"type": "string", "minLength": number} for number in range(1, 400)]
    places = SchemaPlaces({"properties": {"a": {"$ref": "#/$defs/many"}}, "$defs": {"many": {"anyOf": branches}}})
    told = {places.constraints(places.member(places.top(), "a")).enforced for _ in range(400)}
    assert told == {("anyOf", "minLength"), ("type",)}
