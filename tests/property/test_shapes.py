"""Shapes admit what schemas do, and Cedar then holds every valid value exactly or says that it does not."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import cedarpy
import jsonschema
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.schema.json_schema import arguments_shape, type_names
from pdp.core.catalog.schema.shape import (
    LEAST,
    MOST,
    Bounded,
    Enumerated,
    JsonType,
    Opaque,
    Primitive,
    RecordOf,
    SetOf,
    Shape,
    UnionOf,
    kind_of,
)
from pdp.core.catalog.schema.validator import compile_schema
from pdp.core.catalog.tool import Tool
from pdp.core.engine.translate import Path, translate
from tests.property.generated_documents import NAMES, Generated, generated
from tests.property.test_translate import ask

VALUES = 12
HARD_NAMES = (*NAMES, '"', "__cedar", "a.b", "__extn", "\\")
PATIENT = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=400)
BRIEF = settings(PATIENT, max_examples=120)
DOCUMENTS = st.binary(min_size=6, max_size=6).map(lambda seed: generated(int.from_bytes(seed), values=VALUES))


def valid_ones(document: Generated) -> list[dict[str, Any]]:
    """The arguments that one of two validators lets through."""
    fast = compile_schema(document.schema)
    slow = jsonschema.validators.validator_for(document.schema, default=jsonschema.Draft202012Validator)(
        document.schema
    )
    return [each for each in document.arguments if fast.is_valid(each) or slow.is_valid(each)]


def misfits(value: Any, shape: Shape, at: Path = ()) -> list[Path]:
    """Places at which `value` is not of its shape; a number beyond Cedar's is of the shape of its kind."""
    match shape:
        case Opaque():
            return []
        case Primitive() | Enumerated() | Bounded():
            return [] if fits(value, shape) else [at]
        case SetOf(element=element):
            items = value if isinstance(value, list) else None
            return [at] if items is None else [p for item in items for p in misfits(item, element, (*at, "*"))]
        case UnionOf(branches=branches):
            branch = branch_of(value, branches)
            return [at] if branch is None else misfits(value, branches[branch], at)
        case RecordOf(fields=fields):
            if not isinstance(value, dict):
                return [at]
            absent = [(*at, name) for name, field in fields.items() if field.required and name not in value]
            found = (p for name in told(value, shape) for p in misfits(value[name], fields[name].shape, (*at, name)))
            return [*absent, *found]


def fits(value: Any, shape: Primitive | Enumerated | Bounded) -> bool:
    if kind_of(shape) not in kinds(value):
        return False
    held = units(value, kind_of(shape))
    if isinstance(shape, Bounded):
        return held is None or bool(shape.least <= held <= shape.most)
    return isinstance(shape, Primitive) or held in {None, *shape.values}


def branch_of(value: Any, branches: Mapping[JsonType, Shape]) -> JsonType | None:
    return next((JsonType(name) for name in type_names(value) if name in branches), None)


def told(value: dict[str, Any], shape: RecordOf) -> list[str]:
    """The members that Cedar is to hold: null is absence where the schema allows it."""
    return [name for name, f in shape.fields.items() if name in value and not (value[name] is None and f.nullable)]


def kinds(value: Any) -> set[Primitive]:
    match value:
        case bool():
            return {Primitive.BOOLEAN}
        case str():
            return {Primitive.STRING}
        case int() | float():
            return {Primitive.DECIMAL, *([Primitive.LONG] if value == int(value) else [])}
        case _:
            return set()


def units(value: Any, kind: Primitive) -> Any:
    """`value` as Cedar counts it, None where Cedar cannot hold it."""
    if kind in {Primitive.STRING, Primitive.BOOLEAN}:
        return value
    scaled = Decimal(repr(value)).scaleb(4 if kind is Primitive.DECIMAL else 0)
    too_rough = isinstance(value, float) and kind is Primitive.LONG and abs(value) > 2**53
    return int(scaled) if scaled == scaled.to_integral_value() and LEAST <= scaled <= MOST and not too_rough else None


def losses(value: Any, shape: Shape, at: Path = ()) -> set[Path]:
    """Where Cedar cannot hold `value`, which is of `shape`."""
    match shape:
        case Opaque():
            return {at}
        case Primitive():
            return {at} if units(value, shape) is None else set()
        case Enumerated(kind=kind) | Bounded(kind=kind):
            return {at} if units(value, kind) is None else set()
        case SetOf(element=element):
            return {at} if any(losses(item, element) for item in value) else set()
        case UnionOf(branches=branches):
            name = branch_of(value, branches)
            return set() if name is None else losses(value, branches[name], (*at, name))
        case RecordOf(fields=fields):
            undeclared = {(*at, name) for name in value if name not in fields}
            return undeclared.union(*(losses(value[n], fields[n].shape, (*at, n)) for n in told(value, shape)))


@PATIENT
@given(document=DOCUMENTS)
def test_every_valid_value_is_of_the_shape_and_lost_only_where_cedar_cannot_hold_it(document: Generated) -> None:
    shape = arguments_shape(document.schema)
    for arguments in valid_ones(document):
        event("valid")
        assert misfits(arguments, shape) == []
        assert translate(arguments, shape).unrepresentable == losses(arguments, shape)


@BRIEF
@given(document=DOCUMENTS)
def test_a_valid_value_that_loses_nothing_is_of_the_generated_cedar_type(document: Generated) -> None:
    shape = arguments_shape(document.schema)
    tool = Tool(server="s", name="t", pin="", input_schema=document.schema)
    against = cedarpy.Schema.from_json_str(json.dumps(cedar_schema([tool])))
    for arguments in valid_ones(document)[:2]:
        translated = translate(arguments, shape)
        if not translated.unrepresentable:
            assert ask(document.schema, translated.value, "true", against=against) == "Allow"


@BRIEF
@given(
    names=st.lists(st.one_of(st.sampled_from((*NAMES, '"', "__cedar", "a.b", "__extn", "\\")), st.text()), max_size=6)
)
def test_a_schema_with_members_of_any_names_has_a_cedar_schema(names: list[str]) -> None:
    spoken = [name for name in names if is_text(name)]
    inner = {"type": "object", "properties": {name: {"type": "integer"} for name in spoken}}
    schema = {"type": "object", "properties": dict.fromkeys(spoken, inner)}
    tool = Tool(server="s", name="t", pin="", input_schema=schema)
    cedarpy.Schema.from_json_str(json.dumps(cedar_schema([tool])))
    assert arguments_shape(schema).fields.keys() == set(spoken)


def is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
