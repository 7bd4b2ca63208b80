"""The readable schema says what the JSON form says: Cedar reads both alike, and so takes the same policies."""

import json
from collections.abc import Iterator
from pathlib import Path

import cedarpy
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.cedar_text import cedar_text, quoted
from pdp.core.catalog.definitions.definition import Kind
from pdp.core.catalog.definitions.snapshot import read_snapshot
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.catalog.tool import Tool
from tests.property.generated_schemas import Schema, objects, schemas

HOSTILE = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        ['"', "\\", '\\"', "\n", "\x00", "\u202e", "};", '"; entity X;', "//", "/*", "?", "__cedar::String", "in", "if"]
    ),
    st.sampled_from(
        ["String", "Set", "type", "action", "namespace", "appliesTo", "required", "principal", "\U0001f600"]
    ),
)
OPERANDS = ('"text"', "1", "true", 'decimal("1.0")', '["text"]', 'Mcp::User::"u"')
CONDITIONS = (
    "{place} == {operand}",
    "{place}.contains({operand})",
    "{place} < {operand}",
    '{place} like "t*"',
    "{place}.lessThan({operand})",
    "{place} has string && {place}.string == {operand}",
    "{place}",
)


def canonical(schema: cedarpy.Schema) -> str:
    """Cedar's own print of a schema; one that was JSON has its types' full names."""
    return str(schema).replace("__cedar::", "")


def conditions(tool: Tool) -> Iterator[str]:
    for place, guard in places(arguments_shape(tool.input_schema), "context.arguments"):
        for number, condition in enumerate(CONDITIONS):
            for operand in OPERANDS[number % 2 :: 2]:
                yield f"{guard}{condition.format(place=place, operand=operand)}"


def places(shape: RecordOf, at: str) -> Iterator[tuple[str, str]]:
    """Every attribute with the `has` that it needs; required ones are also read without."""
    for name, field in shape.fields.items():
        place = f"{at}[{quoted(name)}]"
        yield place, f"{at} has {quoted(name)} && "
        yield place, ""
        if isinstance(field.shape, RecordOf):
            yield from places(field.shape, place)


def complaints(policies: list[str], schema: cedarpy.Schema) -> list[tuple[str, str]]:
    errors = cedarpy.validate_policies("\n".join(policies), schema).errors
    return sorted((error.policy_id, error.error) for error in errors)


def test_the_text_takes_and_refuses_the_same_policies_as_the_json_form(root: Path) -> None:
    tools = [
        Tool(server=read.server, name=read.name, pin="", input_schema=dict(read.content["inputSchema"]))
        for path in sorted((root / "schemas").rglob("*.json"))
        if (read := read_snapshot(path.relative_to(root).as_posix(), path.read_bytes())).kind is Kind.TOOL
    ]
    form = cedar_schema(tools)
    policies = [
        f"permit(principal, action == Mcp::Action::{quoted(tool.id)}, resource) when {{ {condition} }};"
        for tool in tools
        for condition in conditions(tool)
    ]
    refused = complaints(policies, cedarpy.Schema.from_json_str(json.dumps(form)))
    assert complaints(policies, cedarpy.Schema.from_str(cedar_text(form))) == refused
    assert len(policies) > 1000
    assert 300 < len({policy for policy, _ in refused}) < len(policies) - 300


@given(schema=objects(schemas()), name=HOSTILE)
def test_cedar_reads_the_text_of_any_schema_as_it_reads_the_json_form(schema: Schema, name: str) -> None:
    form = cedar_schema([Tool(server="s", name=name, pin="", input_schema=schema)])
    read = cedarpy.Schema.from_str(cedar_text(form))
    assert canonical(read) == canonical(cedarpy.Schema.from_json_str(json.dumps(form)))


@given(names=st.lists(HOSTILE, min_size=1, max_size=5, unique=True))
def test_no_name_gets_out_of_its_quotes(names: list[str]) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names[:1]}
    form = cedar_schema([Tool(server="s", name=names[0], pin="", input_schema=schema)])
    text = cedar_text(form)
    read = cedarpy.Schema.from_str(text)
    assert canonical(read) == canonical(cedarpy.Schema.from_json_str(json.dumps(form)))
    assert all(character.isprintable() or character == "\n" for character in text)
