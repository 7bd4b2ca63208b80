"""Drift in words: complete, and what is called tightened accepts nothing more."""

import itertools
import json
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.catalog.definitions.definition import Kind
from pdp.core.catalog.drift.change import Change, ChangeKind, Weight
from pdp.core.catalog.drift.definition import MAX_CHANGES, changes
from pdp.core.contract.exact_json import canonical
from tests.property.drawing import Draw, Drawn, Seeded
from tests.property.generated_definitions import NAMES, VALUES, arguments, edited, schema, schema_edited

ROOT: Final = Path(__file__).parents[2]
REAL: Final = tuple(
    json.loads(path.read_bytes())
    for path in sorted([*ROOT.glob("schemas/*/*.json"), *ROOT.glob("tests/data/inventories/*/*.json")])
)
OTHERS: Final[tuple[tuple[Kind, dict[str, Any]], ...]] = (
    (
        Kind.PROMPT,
        {"name": "p", "arguments": [{"name": "a", "description": "x", "required": True}, {"name": "b"}]},
    ),
    (Kind.RESOURCE, {"uri": "file:///a", "name": "a", "size": 3, "annotations": {"audience": ["user"]}}),
    (Kind.TEMPLATE, {"uriTemplate": "file:///{a}", "name": "a", "mimeType": "text/plain", "_meta": {"a": [1, {}]}}),
)
_GENERATED: Final = 300
_PAIRS: Final = 1200


def generated_tool(draw: Draw) -> dict[str, Any]:
    return {
        "name": "t",
        "description": "One. Two.",
        "inputSchema": arguments(draw),
        "outputSchema": arguments(draw),
        "annotations": {"readOnlyHint": True, "title": "T"},
        "icons": [{"src": "x"}],
    }


def new_value(draw: Draw) -> Any:
    return draw.choice(VALUES) if draw.chance(60) else schema(draw, 1)


def definition(draw: Draw) -> tuple[Kind, dict[str, Any]]:
    kind, content = draw.choice((*OTHERS, *((Kind.TOOL, each) for each in REAL)))
    return (Kind.TOOL, generated_tool(draw)) if draw.chance(50) else (kind, content)


def pointer(path: tuple[str | int, ...]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def is_told(found: tuple[Change, ...], path: tuple[str | int, ...]) -> list[Change]:
    """The changes at the place of an edit, above it or within it."""
    place = pointer(path) + "/"
    return [change for change in found if place.startswith(f"{change.where}/") or f"{change.where}/".startswith(place)]


def check_edit(draw: Draw) -> int:
    """One random edit is told where it was made, or nothing is told where it changed nothing; 1 where it did."""
    kind, before = definition(draw)
    now, path = edited(draw, before, new_value)
    if not isinstance(now, dict):
        now = {"name": now}
    found = changes(before, offered=now, kind=kind)
    was, is_ = ({name: value for name, value in each.items() if value is not None} for each in (before, now))
    if canonical(was) == canonical(is_):
        assert found == ()
        return 0
    assert is_told(found, path), (before, now, path, found)
    assert [change for change in found if not change.text.isprintable() or len(change.text) > 1000] == []
    assert changes(now, offered=before, kind=kind) != ()
    return 1


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_every_edit_is_told_where_it_was_made(data: st.DataObject) -> None:
    check_edit(Drawn(data.draw))


def test_every_edit_of_many_is_told_where_it_was_made() -> None:
    assert sum(check_edit(Seeded(seed)) for seed in range(6 * _GENERATED)) > 5 * _GENERATED


def test_many_edits_at_once_are_told_each() -> None:
    for seed in range(_GENERATED):
        draw = Seeded(seed)
        kind, before = definition(draw)
        assert changes(before, offered=before, kind=kind) == ()
        now: Any = before
        for _ in range(draw.integer(2, 6)):
            now, _ = edited(draw, now, new_value)
        other = now if isinstance(now, dict) else {"name": now}
        members = {
            name for name in before.keys() | other.keys() if canonical(before.get(name)) != canonical(other.get(name))
        }
        found = changes(before, offered=other, kind=kind)
        assert {change.where.split("/")[1] for change in found} == {
            name.replace("~", "~0").replace("/", "~1") for name in members
        }


ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, 2.5, "", "string", "#", "#/$defs/a"),
    *([], ["a", "a"], [[]], [{}], {}, {"a": 1}, {"a": {}}, {"a": {"type": "string"}}),
)
KEYWORDS: Final = (
    *("type", "enum", "const", "default", "description", "pattern", "maximum", "minLength", "uniqueItems", "format"),
    *("properties", "required", "additionalProperties", "patternProperties", "items", "prefixItems", "contains"),
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "$ref", "$defs", "dependentSchemas", "dependentRequired"),
    *("$schema", "examples", "unevaluatedProperties", "other"),
)


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_whatever_a_keyword_holds_a_difference_is_told_and_nothing_else(keyword: str) -> None:
    schemas = [{"properties": {"p": each}} for each in ({}, *({keyword: value} for value in ODD))]
    for before, now in itertools.product(schemas, schemas):
        approved, offered = ({"name": "t", "inputSchema": each} for each in (before, now))
        found = changes(approved, offered=offered, kind=Kind.TOOL)
        assert (found == ()) == (canonical(before) == canonical(now)), (before, now, found)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("member", ["title", "annotations", "arguments", "icons", "_meta", "outputSchema", "size"])
def test_whatever_a_member_holds_a_difference_is_told_and_nothing_else(kind: Kind, member: str) -> None:
    inner = [{member: {name: value}} for name in ("readOnlyHint", "title") for value in ODD]
    listed = [{member: [{"name": "a", name: value}]} for name in ("required", "title") for value in ODD]
    contents = [{}, *({member: value} for value in ODD if value is not None), *inner, *listed]
    for approved, offered in itertools.product(contents, contents):
        found = changes(approved, offered=offered, kind=kind)
        assert (found == ()) == (canonical(approved) == canonical(offered)), (approved, offered, found)


# what the weights claim


def closed(node: Any) -> Any:
    """`node` as an enforcer sees it: an object with `properties` has no members that nothing declares."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: value if key in {"enum", "const", "default"} else closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("additionalProperties", True) in (True, {}):
        made["additionalProperties"] = False
    return made


def accepted(given: dict[str, Any]) -> list[bool] | None:
    """For each of the instances whether it is valid; None where `given` is no schema."""
    try:
        validator = jsonschema_rs.Draft202012Validator(closed(given))
    except (ValueError, jsonschema_rs.ValidationError):
        return None
    return [validator.is_valid(instance) for instance in INSTANCES]


def _instances() -> list[dict[str, Any]]:
    draw = Seeded(7)
    made: list[dict[str, Any]] = [{name: value} for name in (*NAMES, "d") for value in VALUES]
    made += [{name: draw.choice(VALUES) for name in draw.some((*NAMES, "d"), least=2, most=4)} for _ in range(150)]
    return [{}, *made]


INSTANCES: Final = _instances()


def _pair(draw: Draw) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two input schemas that differ in one or two keywords."""
    before = now = arguments(draw)
    for _ in range(draw.integer(1, 2)):
        now = schema_edited(draw, now)
    return before, now


def check_weights(before: dict[str, Any], now: dict[str, Any]) -> set[Weight]:
    """The weights that claim something of a pair of schemas, each of which is shown to be true."""
    was, is_now = accepted(before), accepted(now)
    if was is None or is_now is None:
        return set()
    approved, offered = ({"name": "t", "inputSchema": each} for each in (before, now))
    found = changes(approved, offered=offered, kind=Kind.TOOL)
    weights, kinds = {change.weight for change in found}, {change.kind for change in found}
    verdicts = list(zip(INSTANCES, was, is_now, strict=True))
    claimed = set()
    if weights.isdisjoint({Weight.LOOSENED, Weight.BEHAVIOUR}):
        assert [i for i, one, other in verdicts if other and not one] == [], (before, now, found)
        claimed.add(Weight.TIGHTENED)
    if weights.isdisjoint({Weight.TIGHTENED, Weight.BEHAVIOUR}) and ChangeKind.PARAMETER_ADDED not in kinds:
        assert [i for i, one, other in verdicts if one and not other] == [], (before, now, found)
        claimed.add(Weight.LOOSENED)
    return claimed & weights


def test_what_is_only_tightened_accepts_nothing_more_and_what_is_only_loosened_nothing_less() -> None:
    claims = [
        claim
        for seed in range(_PAIRS)
        for pair in (_pair(Seeded(seed)),)
        for one, other in (pair, pair[::-1])
        for claim in check_weights(one, other)
    ]
    assert min(claims.count(Weight.TIGHTENED), claims.count(Weight.LOOSENED)) > _PAIRS // 20


def test_no_definition_has_more_changes_than_are_told() -> None:
    draw = Seeded(1)
    assert max(len(changes(generated_tool(draw), offered=generated_tool(draw), kind=Kind.TOOL)) for _ in range(50)) < (
        MAX_CHANGES
    )
