"""Every difference from the official generator that docs/catalog-fidelity.md lists, shown at work."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import cedar_mcp_schema_generator as official
import cedarpy
import pytest

from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.fidelity import Loss
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import Enumerated, Field, Opaque, Primitive, RecordOf, SetOf, Shape, UnionOf, Why
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import ArgumentsError
from pdp.core.engine.translate import Translated, translate
from tests.contract.official_world import (
    ENTITIES,
    RECORDS,
    STUB,
    NotTakenError,
    OfficialTool,
    Type,
    described,
    schema_of,
)

Case = Callable[[], None]
CASES: Final[dict[str, Case]] = {}
STRING: Final = {"type": "string"}


def shows(difference: str) -> Callable[[Case], Case]:
    def kept(case: Case) -> Case:
        CASES[difference] = case
        return case

    return kept


def whole(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}, "required": ["a"], **more}


def theirs(schema: Any, *, config: Mapping[str, bool] = RECORDS) -> Type:
    """The official type of the argument `a`."""
    attributes = OfficialTool("t", whole(schema), config=config).arguments_type().attributes or {}
    return attributes["a"][0]


def ours(schema: Any) -> Field:
    return arguments_shape(whole(schema)).fields["a"]


def our_tool(input_schema: Mapping[str, Any], *, server: str = "s", name: str = "t") -> Tool:
    return Tool(server=server, name=name, pin=json.dumps(input_schema), input_schema=dict(input_schema))


def their_value(schema: Any, value: Any, *, config: Mapping[str, bool] = RECORDS) -> Any:
    """What the official world has for the argument `a`."""
    request, _ = OfficialTool("t", whole(schema), config=config).request({"a": value})
    return json.loads(request["context"])["input"]["a"]


def our_value(schema: Any, value: Any) -> Translated:
    return translate({"a": value}, arguments_shape(whole(schema)))


def is_opaque(shape: Shape, why: Why) -> bool:
    return isinstance(shape, Opaque) and shape.why is why


@shows("names")
def names() -> None:
    for name in ("a.b", "a-b", "a/b", "a b", "é", "if", ""):
        schema = {"type": "object", "properties": {name: STRING}}
        with pytest.raises(NotTakenError):
            OfficialTool("t", schema, config=RECORDS)
        with pytest.raises(NotTakenError):
            schema_of([described("fine", {"type": "object"}), described(name, {"type": "object"})], config=RECORDS)
        form = cedar_schema([our_tool(schema, name=name or "t")])
        cedarpy.Schema.from_json_str(json.dumps(form))
        read = form["Mcp"]["actions"][f"s/{name or 't'}"]["appliesTo"]["context"]["attributes"]
        assert name in read["arguments"]["attributes"]


@shows("servers")
def servers() -> None:
    one, other = described("t", whole(STRING)), described("t", whole({"type": "boolean"}))
    assert [*schema_of([one, other], config=RECORDS)["MCP"]["actions"]] == ["call_tool", "t"]
    form = cedar_schema([our_tool(whole(STRING)), our_tool(whole({"type": "boolean"}), server="z")])
    assert {"s/t", "z/t"} <= form["Mcp"]["actions"].keys()


@shows("resource")
def resource() -> None:
    their_action = schema_of([described("t", {"type": "object"})], config=RECORDS)["MCP"]["actions"]["t"]
    our_action = cedar_schema([our_tool({"type": "object"})])["Mcp"]["actions"]["s/t"]
    assert their_action["appliesTo"]["resourceTypes"] == ["McpServer"]
    assert our_action["appliesTo"]["resourceTypes"] == ["Tool"]


@shows("context")
def context() -> None:
    asked = official.generate_request(
        STUB,
        [described("t", whole(STRING))],
        {"params": {"tool": "t", "args": {"a": "text"}}},
        principal_type="User",
        principal_id="alice",
        resource_type="McpServer",
        resource_id="s",
    )
    assert asked["isOk"]
    assert "text" not in json.dumps(asked)


@shows("numbers")
def numbers() -> None:
    assert theirs({"type": "number"}, config={}).name == "MCP::Number"
    assert theirs({"type": "number"}).name == "decimal"
    assert ours({"type": "number"}).shape is Primitive.DECIMAL


@shows("places")
def places() -> None:
    assert their_value({"type": "number"}, 0.00001) == {"__extn": {"fn": "decimal", "arg": "0.0000"}}
    assert our_value({"type": "number"}, 0.00001) == Translated({}, frozenset({("a",)}))


@shows("integers")
def integers() -> None:
    for value in (1.0, 2**63):
        with pytest.raises(NotTakenError):
            their_value({"type": "integer"}, value)
    assert our_value({"type": "integer"}, 1.0) == Translated({"a": 1}, frozenset())
    assert our_value({"type": "integer"}, 2**63) == Translated({}, frozenset({("a",)}))


@shows("enums")
def enums() -> None:
    schema = {"type": "string", "enum": ["b", "a"]}
    assert theirs(schema).choices == ("b", "a")
    assert ours(schema).shape == Enumerated(Primitive.STRING, ("a", "b"))


@shows("constants")
def constants() -> None:
    for schema in ({"const": "a"}, {"enum": ["a"]}):
        assert theirs(schema).name == "MCP::Unknown"
        assert ours(schema).shape == Enumerated(Primitive.STRING, ("a",))


@shows("null")
def null() -> None:
    schema = {"type": ["string", "null"]}
    assert {name: kind.name for name, (kind, _) in (theirs(schema).attributes or {}).items()} == {
        "typeChoice0": "String",
        "typeChoice1": "MCP::Null",
    }
    assert ours(schema) == Field(Primitive.STRING, required=False, nullable=True)


@shows("unions")
def unions() -> None:
    schema = {"anyOf": [STRING, {"type": "integer"}]}
    assert [*(theirs(schema).attributes or {})] == ["typeChoice0", "typeChoice1"]
    shape = ours(schema).shape
    assert isinstance(shape, UnionOf)
    assert {kind.value for kind in shape.branches} == {"string", "integer"}


@shows("objects")
def objects() -> None:
    schema = {"type": "object", "properties": {"b": STRING}}
    values = [their_value(schema, {"b": "x"}, config=ENTITIES) for _ in range(2)]
    assert values[0]["__entity"]["type"] == values[1]["__entity"]["type"]
    assert values[0] != values[1]
    assert their_value(schema, {"b": "x"}) == {"b": "x"}
    assert our_value(schema, {"b": "x"}).value == {"a": {"b": "x"}}


@shows("maps")
def maps() -> None:
    schema = {"type": "object", "additionalProperties": STRING}
    form = OfficialTool("t", whole(schema), config=RECORDS).form
    assert "tags" in form["MCP::t::Input"]["entityTypes"]["a"]
    assert is_opaque(ours(schema).shape, Why.FREE_FORM)


@shows("anything")
def anything() -> None:
    world = OfficialTool("t", whole({}), config=RECORDS)
    request, entities = world.request({"a": 1})
    policy = "permit(principal, action, resource) when { context.input has a };"
    assert cedarpy.is_authorized(request, policy, entities, schema=world.cedar).decision.value == "Allow"
    assert is_opaque(ours({}).shape, Why.ANYTHING)
    assert our_value({}, 1).unrepresentable == {("a",)}


@shows("arrays")
def arrays() -> None:
    for schema in ({"type": "array"}, {"type": "array", "prefixItems": [STRING, {"type": "integer"}]}):
        assert theirs(schema).element == Type("MCP::Unknown", {})
        assert isinstance(ours(schema).shape, Opaque)
    assert ours({"type": "array", "items": STRING}).shape == SetOf(Primitive.STRING)


@shows("all-of")
def all_of() -> None:
    schema = {"allOf": [STRING, {"minLength": 1}]}
    assert theirs(schema).name == "MCP::Unknown"
    assert ours(schema).shape is Primitive.STRING


@shows("references")
def references() -> None:
    definitions = whole({"$ref": "#/definitions/d"}, definitions={"d": STRING})
    with pytest.raises(NotTakenError):
        OfficialTool("t", definitions, config=RECORDS)
    assert arguments_shape(definitions).fields["a"].shape is Primitive.STRING


@shows("recursion")
def recursion() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    schema = whole({"$ref": "#/$defs/node"}, **{"$defs": {"node": node}})
    form = schema_of([described("t", schema)], config=ENTITIES)
    assert form["MCP::t::Input"]["entityTypes"]["node"]["shape"]["attributes"]["next"]["name"] == "node"
    shape = arguments_shape(schema).fields["a"].shape
    assert isinstance(shape, RecordOf)
    assert is_opaque(shape.fields["next"].shape, Why.RECURSIVE)


@shows("formats")
def formats() -> None:
    for name, kind in (("date-time", "datetime"), ("date", "datetime"), ("ipv4", "ipaddr"), ("decimal", "decimal")):
        assert theirs({"type": "string", "format": name}).name == kind
        assert ours({"type": "string", "format": name}).shape is Primitive.STRING


@shows("constraints")
def constraints() -> None:
    refused = [
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"type": "string", "maxLength": 1}, "ab"),
        ({"type": "integer", "minimum": 3}, 1),
        ({"type": "array", "items": STRING, "maxItems": 1}, ["a", "b"]),
    ]
    for schema, value in refused:
        assert their_value(schema, value) == value
        with pytest.raises(ArgumentsError):
            ArgumentChecker().check(our_tool(whole(schema)), {"a": value})


@shows("boolean-schemas")
def boolean_schemas() -> None:
    with pytest.raises(NotTakenError):
        OfficialTool("t", whole({}) | {"properties": {"a": True}}, config=RECORDS)
    assert isinstance(ours(True).shape, Opaque)  # noqa: FBT003 - a schema


@shows("undeclared")
def undeclared() -> None:
    with pytest.raises(NotTakenError, match="Unexpected property"):
        OfficialTool("t", whole(STRING), config=RECORDS).request({"a": "x", "b": "y"})
    with pytest.raises(ArgumentsError, match="b` is not declared"):
        ArgumentChecker().check(our_tool(whole(STRING)), {"a": "x", "b": "y"})


@shows("outputs")
def outputs() -> None:
    tool = {**described("t", whole(STRING)), "outputSchema": whole(STRING)}
    form = schema_of([tool], config={"includeOutputs": True})
    assert "output" in form["MCP"]["actions"]["t"]["appliesTo"]["context"]["attributes"]
    assert "output" not in json.dumps(cedar_schema([our_tool(whole(STRING))]))


@pytest.mark.parametrize("difference", CASES)
def test_a_documented_difference_is_one(difference: str) -> None:
    CASES[difference]()


def test_every_difference_is_documented_and_every_documented_one_is_shown(root: Path) -> None:
    text = (root / "docs" / "catalog-fidelity.md").read_text()
    table = text.partition("## The official generator")[2]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == [*CASES]


def test_every_loss_and_every_reason_not_to_see_an_argument_is_documented(root: Path) -> None:
    text = (root / "docs" / "catalog-fidelity.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \|", text.partition("## The official generator")[0], re.MULTILINE)
    assert {*(loss.value for loss in Loss), *(why.value for why in Why)} - {*rows} == set()
