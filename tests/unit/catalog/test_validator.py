import socket
from typing import Any

import pytest

from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.schema.validator import SchemaUnusableError, compile_schema, compiled
from pdp.core.catalog.schema.work import MAX_CHAIN, MAX_STEPS, work_of
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import ArgumentsError

RUNAWAY = r"^(a|aa)+\1(?=b)$"
"""Of a text of many `a` it steps back without end."""
VICTIM = "a" * 1000
LONG = "a" * 1_000_000


def test_a_draft_is_the_one_that_the_schema_names() -> None:
    exclusive = {"minimum": 1, "exclusiveMinimum": True}
    assert compile_schema({"$schema": "http://json-schema.org/draft-04/schema#", **exclusive}).is_valid(1) is False
    tuples = {"items": [{"type": "string"}]}
    assert compile_schema({"$schema": "http://json-schema.org/draft-07/schema", **tuples}).is_valid([1]) is False
    with pytest.raises(SchemaUnusableError):
        compile_schema(tuples)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$schema": "http://example.com/schema"}, "`$schema` names no draft that is known here"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "`$schema` names no draft that is known here"),
        ({"$schema": "http://json-schema.org/schema#"}, "`$schema` names no draft that is known here"),
        ({"$schema": 7}, "`$schema` names no draft that is known here"),
        ({"$ref": "https://example.com/schema"}, "it refers to another document, or to nothing"),
        ({"$ref": "file:///etc/passwd"}, "it refers to another document, or to nothing"),
        ({"$defs": {"unused": {"$ref": "https://example.com/x"}}}, "it refers to another document, or to nothing"),
        ({"$ref": "#/$defs/nothing"}, "it refers to another document, or to nothing"),
        ({"type": "nonsense"}, "it is no JSON Schema at `/type`"),
        ({"properties": {"x": None}}, "it is no JSON Schema at `/properties/x`"),
        ({"pattern": "("}, "a pattern is malformed or too large"),
        ({"patternProperties": {"(": {}}}, "a pattern is malformed or too large"),
        ({"pattern": "(a{1000}){1000}"}, "a pattern is malformed or too large"),
        ({"pattern": "(?=a)" + "b" * 600}, "more than 16 patterns look around or back, or one is over 512 characters"),
        ({"$ref": "#"}, "it refers to itself without going into a value"),
        ({"anyOf": [{"$ref": "#"}, {"type": "object"}]}, "it refers to itself without going into a value"),
        ({"default": "\ud800"}, "it nests too deep, or is no JSON"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_the_reason(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(SchemaUnusableError) as caught:
        compile_schema(schema)
    assert str(caught.value) == reason


def test_a_schema_that_nests_without_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"not": deep}
    with pytest.raises(SchemaUnusableError):
        compile_schema(deep)


def test_no_other_document_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        for keyword in ("$ref", "$dynamicRef", "$schema"):
            with pytest.raises(SchemaUnusableError):
                compile_schema({keyword: f"http://127.0.0.1:{port}/schema.json"})
        with pytest.raises(BlockingIOError):
            server.accept()


def doubling(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    steps = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**steps, f"d{levels}": {"type": "object"}}}


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_references_that_multiply_are_refused_before_anything_is_checked(keyword: str) -> None:
    with pytest.raises(SchemaUnusableError, match="multiply"):
        compile_schema(doubling(30, keyword))


def test_a_long_way_from_reference_to_reference_is_refused() -> None:
    steps = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(MAX_CHAIN + 1)}
    with pytest.raises(SchemaUnusableError, match="refer each to the next"):
        compile_schema({"$ref": "#/$defs/d0", "$defs": {**steps, f"d{MAX_CHAIN + 1}": {}}})


def test_work_grows_with_what_is_held_against_one_value_not_with_what_stands_side_by_side() -> None:
    tree = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}
    assert max(work_of(tree).steps) < 200
    flat = {"properties": {f"p{n}": {"type": "string"} for n in range(20)}}
    assert max(work_of(flat).steps) < 10


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"x": value}
    return value


def test_arguments_whose_depth_multiplies_the_work_are_refused_and_shallow_ones_checked() -> None:
    twice = {"properties": {"x": {"allOf": [{"$ref": "#/$defs/n"}, {"$ref": "#/$defs/n"}]}}}
    schema = {"type": "object", "$ref": "#/$defs/n", "$defs": {"n": twice}}
    assert work_of(schema).of(nested(60)) > MAX_STEPS
    assert ArgumentChecker().check(tool(schema), nested(5)) == nested(5)
    assert refusal(schema, nested(60)) == "invalid arguments: they are too large for the tool's schema"


def tool(schema: dict[str, Any]) -> Tool:
    return Tool(server="s", name="t", pin="p", input_schema=schema)


def refusal(schema: dict[str, Any], arguments: dict[str, Any]) -> str:
    with pytest.raises(ArgumentsError) as caught:
        ArgumentChecker().check(tool(schema), arguments)
    return caught.value.caller_text


RUNNING = {"pattern": RUNAWAY}


@pytest.mark.parametrize(
    "schema",
    [
        RUNNING,
        {"not": RUNNING},
        {"not": {"not": RUNNING}},
        {"anyOf": [RUNNING, {"type": "integer"}]},
        {"oneOf": [RUNNING, {"type": "string"}]},
        {"not": {"anyOf": [RUNNING, {"type": "integer"}]}},
        {"not": {"allOf": [RUNNING, {"type": "string"}]}},
        {"if": RUNNING, "then": False},
        {"if": {"not": RUNNING}, "else": False},
        {"$ref": "#/$defs/r"},
    ],
)
def test_an_aborted_match_never_lets_a_text_pass(schema: dict[str, Any]) -> None:
    whole = {"type": "object", "properties": {"x": schema}, "$defs": {"r": {"not": RUNNING}}}
    validator = compile_schema(whole)
    assert validator.is_valid({"x": VICTIM}) is False
    assert [error.kind.name for error in validator.iter_errors({"x": VICTIM})] != []
    assert refusal(whole, {"x": VICTIM}).startswith("invalid arguments: ")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"patternProperties": {RUNAWAY: False}}, {VICTIM: 1}),
        ({"patternProperties": {RUNAWAY: False}, "additionalProperties": True}, {VICTIM: 1}),
        (
            {"patternProperties": {RUNAWAY: {"type": "string"}}, "additionalProperties": {"type": "integer"}},
            {VICTIM: 1},
        ),
        ({"patternProperties": {RUNAWAY: False}, "unevaluatedProperties": True}, {VICTIM: 1}),
        ({"patternProperties": {RUNAWAY: True}, "unevaluatedProperties": False}, {VICTIM: 1}),
        ({"not": {"patternProperties": {RUNAWAY: True}, "unevaluatedProperties": False}}, {VICTIM: 1}),
        ({"not": {"patternProperties": {RUNAWAY: True}, "additionalProperties": False}}, {VICTIM: 1}),
        ({"propertyNames": {"not": RUNNING}}, {VICTIM: 1}),
        ({"items": {"not": RUNNING}}, [VICTIM]),
        ({"contains": RUNNING, "minContains": 0, "maxContains": 0}, [VICTIM]),
        ({"not": {"contains": RUNNING}}, [VICTIM]),
        ({"prefixItems": [{"not": RUNNING}]}, [VICTIM]),
        ({"dependentSchemas": {"a": {"not": {"properties": {"b": RUNNING}}}}}, {"a": 1, "b": VICTIM}),
        ({"contains": {"not": RUNNING}, "unevaluatedItems": False}, [VICTIM]),
    ],
)
def test_an_aborted_match_of_a_name_or_item_never_lets_a_value_pass(schema: dict[str, Any], value: Any) -> None:
    validator = compile_schema(schema)
    assert validator.is_valid(value) is False
    assert list(validator.iter_errors(value)) != []


def test_a_pattern_without_look_around_is_matched_in_one_pass_however_long_the_text() -> None:
    found = compiled({"type": "object", "properties": {"x": {"pattern": "^(a+)+$"}}})
    assert (found.quick, found.validator.is_valid({"x": LONG}), found.validator.is_valid({"x": LONG + "!"})) == (
        None,
        True,
        False,
    )


def test_a_slow_pattern_never_meets_a_long_text_and_other_arguments_may_be_long() -> None:
    schema = {"type": "object", "properties": {"path": {"pattern": "^(?!.*--).*$"}, "content": {"type": "string"}}}
    assert compiled(schema).quick == frozenset({"content"})
    assert ArgumentChecker().check(tool(schema), {"path": "a-b", "content": LONG})["path"] == "a-b"
    assert refusal(schema, {"path": "a--b"}) == "invalid arguments: `/path` breaks `pattern`"
    too_long = "invalid arguments: they are too long for the patterns of the tool's schema"
    assert refusal(schema, {"path": LONG}) == too_long


@pytest.mark.parametrize("around", ["allOf", "patternProperties", "properties"])
def test_where_a_slow_pattern_may_reach_every_argument_none_may_be_long(around: str) -> None:
    slow: dict[str, Any] = {
        "allOf": {"allOf": [{"additionalProperties": {"pattern": "(?=a)"}}], "properties": {"x": {}}},
        "patternProperties": {"patternProperties": {"(?=a)": {}}, "properties": {"x": {}}},
        "properties": {"properties": {"x": {"$ref": "#/$defs/s"}}, "$defs": {"s": {"pattern": "(?=a)"}}},
    }
    assert "too long" in refusal({"type": "object", **slow[around]}, {"x": LONG})


def test_wrong_arguments_are_told_one_by_one_only_where_they_are_few() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "string"}}}}
    assert refusal(schema, {"x": [1, 2]}) == "invalid arguments: `/x/0` breaks `type`; `/x/1` breaks `type`"
    assert refusal(schema, {"x": [1] * 100_000}) == "invalid arguments: `/x/0` breaks `type`"


def test_a_megabyte_of_enumeration_and_a_hundred_thousand_properties_are_checked() -> None:
    many = {"enum": [f"value-{number}" for number in range(70_000)]}
    properties = {f"p{number}": {"type": "string"} for number in range(100_000)}
    schema = {"type": "object", "properties": {"x": many, **properties}}
    checker = ArgumentChecker()
    assert checker.check(tool(schema), {"x": "value-7"}) == {"x": "value-7"}
    with pytest.raises(ArgumentsError):
        checker.check(tool(schema), {"x": "no"})
