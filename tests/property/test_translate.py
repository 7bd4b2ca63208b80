"""Arguments in Cedar are the arguments, or marked: over generated schemas and values."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import cedarpy
import jsonschema_rs
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import Bounded, Enumerated, Field, Opaque, RecordOf, SetOf, Shape, UnionOf
from pdp.core.catalog.tool import Tool
from pdp.core.engine.dependencies import Path
from pdp.core.engine.translate import Translated, translate
from tests.property.generated_schemas import ANYTHING, SURROGATE, Schema, objects, schemas, values_of

OBJECTS = objects(schemas())
PATIENT = settings(suppress_health_check=list(HealthCheck), deadline=None)
"""Most generated calls lose something, and many are not valid."""
CALLS = OBJECTS.flatmap(lambda schema: st.tuples(st.just(schema), values_of(schema)))


def exact(value: Any) -> Any:
    """A JSON value so that only equal ones are equal: arrays as sets, numbers by their decimal text."""
    match value:
        case bool() | None | str():
            return (type(value).__name__, value)
        case int() | float():
            return ("number", Decimal(repr(value)))
        case list():
            return ("array", frozenset(exact(item) for item in value))
        case _:
            return ("object", frozenset((name, exact(item)) for name, item in value.items() if item is not None))


def read_back(held: Any, shape: Shape) -> Any:
    """The JSON value behind a Cedar value that lost nothing."""
    match shape:
        case RecordOf(fields=fields):
            return {name: read_back(item, fields[name].shape) for name, item in held.items()}
        case UnionOf(branches=branches):
            ((kind, item),) = held.items()
            return read_back(item, next(branch for name, branch in branches.items() if name == kind))
        case SetOf(element=element):
            return [read_back(item, element) for item in held]
        case _:
            return Decimal(held["__extn"]["arg"]) if isinstance(held, dict) else held


def same(value: Any, held: Any, shape: Shape) -> bool:
    return bool(exact(value) == exact_of_cedar(read_back(held, shape)))


def exact_of_cedar(value: Any) -> Any:
    match value:
        case Decimal():
            return ("number", value)
        case list():
            return ("array", frozenset(exact_of_cedar(item) for item in value))
        case dict():
            return ("object", frozenset((name, exact_of_cedar(item)) for name, item in value.items()))
        case _:
            return exact(value)


def differences(value: Any, held: Any, shape: Shape, at: Path, lost: frozenset[Path]) -> list[Path]:
    """Places at which Cedar holds something else than `value`, or lacks it without a mark."""
    if isinstance(shape, UnionOf):
        kinds = [*held, *(path[len(at)] for path in lost if path[: len(at)] == at and len(path) == len(at) + 1)]
        if len(kinds) != 1:
            return [at]
        branches = {kind.value: Field(branch, required=False) for kind, branch in shape.branches.items()}
        return differences({kinds[0]: value}, held, RecordOf(branches), at, lost)
    if not isinstance(shape, RecordOf):
        return [] if same(value, held, shape) else [at]
    found = [(*at, name) for name in held if name not in value or (*at, name) in lost]
    for name, item in value.items():
        field, place = shape.fields.get(name, Field(Opaque(), required=False)), (*at, name)
        if place in lost or (item is None and field.nullable):
            continue
        found += differences(item, held[name], field.shape, place, lost) if name in held else [place]
    return found


@given(call=CALLS)
def test_cedar_holds_what_was_written_but_where_it_is_marked(call: tuple[Schema, Any]) -> None:
    schema, arguments = call
    shape = arguments_shape(schema)
    translated = translate(arguments, shape)
    if not isinstance(arguments, Mapping):
        assert translated == Translated({}, frozenset({()}))
        return
    event(f"marked: {bool(translated.unrepresentable)}")
    assert differences(arguments, translated.value, shape, (), translated.unrepresentable) == []
    assert ask(schema, translated.value, "true", against=None) == "Allow"


@given(schema=OBJECTS, arguments=ANYTHING)
def test_whatever_comes_is_a_record_that_cedar_reads(schema: Schema, arguments: Any) -> None:
    translated = translate(arguments, arguments_shape(schema))
    assert ask(schema, translated.value, "true", against=None) == "Allow"


@PATIENT
@given(call=CALLS)
def test_what_cedar_holds_is_equal_to_the_literal_of_it(call: tuple[Schema, Any]) -> None:
    schema, arguments = call
    shape = arguments_shape(schema)
    translated = translate(arguments, shape)
    assume(not translated.unrepresentable)
    text = literal(arguments, shape)
    assert ask(schema, translated.value, f"context.arguments == {text}", against=None) == "Allow"


@PATIENT
@given(call=CALLS)
def test_valid_arguments_that_lose_nothing_are_what_the_generated_schema_says(call: tuple[Schema, Any]) -> None:
    schema, arguments = call
    against = cedarpy.Schema.from_json_str(json.dumps(cedar_schema([tool(schema)])))
    translated = translate(arguments, arguments_shape(schema))
    assume(not translated.unrepresentable and admits(schema, arguments))
    assert ask(schema, translated.value, "true", against=against) == "Allow"


@PATIENT
@given(call=CALLS)
def test_valid_arguments_are_among_the_values_and_bounds_of_their_shape(call: tuple[Schema, Any]) -> None:
    schema, arguments = call
    shape = arguments_shape(schema)
    translated = translate(arguments, shape)
    assume(admits(schema, arguments))
    assert strays(translated.value, shape) == []


def strays(held: Any, shape: Shape) -> list[Any]:
    """Scalars in `held` that their shape says are not valid."""
    match shape:
        case RecordOf(fields=fields):
            return [each for name, item in held.items() for each in strays(item, fields[name].shape)]
        case UnionOf(branches=branches):
            return [each for name, branch in branches.items() if name in held for each in strays(held[name], branch)]
        case SetOf(element=element):
            return [each for item in held for each in strays(item, element)]
        case Enumerated(values=values):
            return [] if units(held) in values else [held]
        case Bounded(least=least, most=most):
            return [] if least <= units(held) <= most else [held]
        case _:
            return []


def units(held: Any) -> Any:
    return int(Decimal(held["__extn"]["arg"]).scaleb(4)) if isinstance(held, dict) else held


def literal(value: Any, shape: Shape) -> str:
    """Cedar text of a JSON value, written from the value itself."""
    match shape:
        case RecordOf(fields=fields):
            named = ((name, item) for name, item in value.items() if item is not None)
            return "{" + ", ".join(f"{quoted(name)}: {literal(item, fields[name].shape)}" for name, item in named) + "}"
        case UnionOf(branches=branches):
            kind = next(kind for kind in kinds_of(value) if kind in branches)
            branch = next(branch for name, branch in branches.items() if name == kind)
            return "{" + f"{quoted(kind)}: {literal(value, branch)}" + "}"
        case SetOf(element=element):
            return "[" + ", ".join(literal(item, element) for item in value) + "]"
        case _:
            return scalar(value, shape)


def kinds_of(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["boolean"]
    if isinstance(value, int | float):
        return ["integer", "number"] if value == int(value) else ["number"]
    return ["string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"]


def scalar(value: Any, shape: Shape) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    is_decimal = "decimal" in {str(shape), str(getattr(shape, "kind", ""))}
    return f'decimal("{Decimal(repr(value)):.4f}")' if is_decimal else str(int(value))


def quoted(text: str) -> str:
    return '"' + "".join(f"\\u{{{ord(character):x}}}" for character in text) + '"'


def admits(schema: Schema, arguments: Any) -> bool:
    is_text = json.dumps(SURROGATE)[1:-1] not in json.dumps(arguments)
    return is_text and bool(jsonschema_rs.is_valid(schema, arguments))


def tool(schema: Schema) -> Tool:
    return Tool(server="s", name="t", pin="", input_schema=schema)


def ask(schema: Schema, arguments: Mapping[str, Any], condition: str, *, against: cedarpy.Schema | None) -> str:
    context = {
        "arguments": arguments,
        "scopes": [],
        "now": {"__extn": {"fn": "datetime", "arg": "2026-07-28T12:00:00.000Z"}},
    }
    request = {
        "principal": {"type": "Mcp::User", "id": "u"},
        "action": {"type": "Mcp::Action", "id": "s/t"},
        "resource": {"type": "Mcp::Tool", "id": "s/t"},
        "context": json.dumps(context),
    }
    policy = f"permit(principal, action, resource) when {{ {condition} }};"
    return str(cedarpy.is_authorized(request, policy, [], schema=against).decision.value)
