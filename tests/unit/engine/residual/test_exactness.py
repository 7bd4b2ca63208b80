"""What one argument is held against is decided exactly: a tool is shown if and only if some value fits."""

import pytest

from pdp.core.catalog.tool import Mark
from pdp.core.engine.residual.audience import Visibility
from tests.unit.engine.residual.seen import CALL, COUNT, TEXT, TEXTS, permitted, seen, tool

X, Y = "context.arguments.x", "context.arguments.y"
MAX = 2**63 - 1
NUMBER = {"type": "number"}
SHOWN, HIDDEN = Visibility.MAYBE, Visibility.NO


@pytest.mark.parametrize(
    ("condition", "schema", "expected"),
    [
        (f'{X} == "a" && {X} == "b"', TEXT, HIDDEN),
        (f'{X} != "a" && {X} != "b"', TEXT, SHOWN),
        (f'["a", "b"].contains({X}) && {X} != "a"', TEXT, SHOWN),
        (f'["a", "b"].contains({X}) && {X} != "a" && {X} != "b"', TEXT, HIDDEN),
        (f'[{X}, "a"].contains("b") && {X} != "b"', TEXT, HIDDEN),
        (f'{X} like "a*" && {X} like "*b" && !({X} like "a*b")', TEXT, HIDDEN),
        (f'{X} like "a*" && {X} like "*a" && !({X} like "a*a")', TEXT, SHOWN),
        (f'{X} like "ab*" && {X} like "*bc" && !({X} like "ab*bc")', TEXT, SHOWN),
        (f'{X} like "*x*" && {X} like "*y*" && !({X} like "*x*y*")', TEXT, SHOWN),
        (f'{X} like "*" && !({X} like "a*") && {X} like "a/*"', TEXT, HIDDEN),
        (f'{X} like "a\\*" && {X} != "a*"', TEXT, HIDDEN),
        (f"{X} > 3 && {X} < 5 && {X} != 4", COUNT, HIDDEN),
        (f"{X} > 3 && {X} < 6 && {X} != 4", COUNT, SHOWN),
        (f"{X} >= {MAX} && {X} != {MAX}", COUNT, HIDDEN),
        (f"{X} > 10", COUNT | {"maximum": 10}, HIDDEN),
        (f"{X} > 9", COUNT | {"maximum": 10}, SHOWN),
        (f"{X} + 5 > 100 && {X} < 95", COUNT, HIDDEN),
        (f"{X} * 3 == 10", COUNT, HIDDEN),
        (f"{X} * 3 == 12", COUNT, SHOWN),
        (f"5 - {X} == 12 && {X} != -7", COUNT, HIDDEN),
        (f"-{X} == 7", COUNT, SHOWN),
        (f'{X}.lessThan(decimal("0.0002")) && {X}.greaterThan(decimal("0.0001"))', NUMBER, HIDDEN),
        (f'{X}.lessThan(decimal("0.0003")) && {X}.greaterThan(decimal("0.0001"))', NUMBER, SHOWN),
        (f'{X} == decimal("1.5") && {X}.lessThan(decimal("1.5"))', NUMBER, HIDDEN),
        (f"{X} && !{X}", {"type": "boolean"}, HIDDEN),
        (f"{X} == false", {"type": "boolean"}, SHOWN),
        (f'{X} == "c"', {"enum": ["a", "b"]}, HIDDEN),
        (f'{X} != "a" && {X} != "b"', {"enum": ["a", "b"]}, HIDDEN),
        (f"{X} > 3", {"enum": [1, 3]}, HIDDEN),
        (f"{X} > 2", {"enum": [1, 3]}, SHOWN),
        (f'{X}.contains("a") && {X}.containsAll(["b"]) && !{X}.containsAny(["b", "c"])', TEXTS, HIDDEN),
        (f'{X}.contains("a") && !{X}.contains("b") && ["a", "b"].containsAll({X})', TEXTS, SHOWN),
        (f'["a"].containsAll({X}) && {X} != ["a"] && !{X}.isEmpty()', TEXTS, HIDDEN),
        (f'{X} == ["a"] && {X}.contains("b")', TEXTS, HIDDEN),
        (f"{X}.isEmpty()", TEXTS, SHOWN),
        (f'!{X}.isEmpty() && !{X}.contains("a")', TEXTS, SHOWN),
        (f'{X}.contains("c")', {"type": "array", "items": {"enum": ["a", "b"]}}, HIDDEN),
    ],
)  # fmt: skip
def test_a_tool_is_shown_if_and_only_if_a_value_fits(condition: str, schema: object, expected: Visibility) -> None:
    assert permitted(condition, tool({"x": schema})) is expected


@pytest.mark.parametrize(
    ("condition", "schema"),
    [
        (f'{X} like "a*" && {X} like "*a" && !({X} like "a*a") && {X} != "a"', TEXT),
        (f"{X} + 1 < {X}", COUNT),
    ],
)
def test_a_tool_is_shown_where_it_cannot_be_told(condition: str, schema: object) -> None:
    assert permitted(condition, tool({"x": schema})) is SHOWN


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f'context.arguments has x && {X} == "a"', SHOWN),
        ("context.arguments has x && !(context.arguments has x)", HIDDEN),
        (f'(context.arguments has x && {X} == "a") || !(context.arguments has x)', SHOWN),
        (f'!(context.arguments has x) && (if context.arguments has x then {X} else "b") == "a"', HIDDEN),
        (f'(if context.arguments has x then {X} else "b") == "b" && !(context.arguments has x)', SHOWN),
    ],
)
def test_an_argument_that_may_be_absent_is_tried_without(condition: str, expected: Visibility) -> None:
    assert permitted(condition, tool({"x": TEXT}, required=())) is expected


def test_what_a_required_argument_has_is_there() -> None:
    assert permitted("!(context.arguments has x)", tool({"x": TEXT})) is HIDDEN


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"{X} == {Y}", SHOWN),
        (f'{X} == {Y} && {X} like "a*" && {Y} like "*b"', SHOWN),
        (f'{X} == {Y} && {X} == "a" && {Y} == "b"', HIDDEN),
        (f'{X} != {Y} && {X} == "a" && {Y} == "a"', HIDDEN),
        (f'{X} != {Y} && {X} != "a" && {Y} != "a"', SHOWN),
    ],
)  # fmt: skip
def test_two_arguments_held_against_each_other_are_tried_together(condition: str, expected: Visibility) -> None:
    assert permitted(condition, tool({"x": TEXT, "y": TEXT})) is expected


@pytest.mark.parametrize(("low", "expected"), [(4, HIDDEN), (3, SHOWN)])
def test_the_order_of_two_arguments_is_tried_within_their_bounds(low: int, expected: Visibility) -> None:
    bounded = {"x": COUNT | {"minimum": low}, "y": COUNT | {"maximum": 4}}
    assert permitted("context.arguments.x < context.arguments.y", tool(bounded)) is expected


def test_the_parts_of_a_record_are_tried_by_themselves() -> None:
    inner = {"type": "object", "properties": {"a": COUNT, "b": TEXT}, "required": ["a", "b"]}
    only = tool({"x": inner})
    assert permitted(f'{X} == {{a: 1, b: "c"}} && {X}.a != 1', only) is HIDDEN
    assert permitted(f'{X} == {{a: 1, b: "c"}} && {X}.b like "c*"', only) is SHOWN


def test_a_union_has_one_branch_at_a_time() -> None:
    only = tool({"x": {"type": ["string", "integer"]}})
    assert permitted(f"{X} has string && {X} has integer", only) is HIDDEN
    assert permitted(f'{X} has integer && {X}.integer > 3 || {X} has string && {X}.string == "a"', only) is SHOWN
    assert permitted(f"{X} has integer && {X}.integer > 3 && {X}.integer < 5 && {X}.integer != 4", only) is HIDDEN


def test_a_forbid_that_leaves_no_value_hides_the_tool() -> None:
    allow = f'permit ({CALL}) when {{ ["a", "b"].contains({X}) }};'
    assert seen(f'{allow} forbid ({CALL}) when {{ {X} == "a" }};', tool({"x": TEXT})) is SHOWN
    assert seen(f'{allow} forbid ({CALL}) unless {{ {X} like "c*" }};', tool({"x": TEXT})) is HIDDEN


def test_a_forbid_that_fails_denies_whatever_the_value() -> None:
    fails = f"forbid ({CALL}) when {{ {X} + 9223372036854775807 > 0 }};"
    assert seen(f"permit ({CALL}) when {{ {X} > 0 }}; {fails}", tool({"x": COUNT})) is HIDDEN
    assert seen(f"permit ({CALL}) when {{ {X} < 0 }}; {fails}", tool({"x": COUNT})) is SHOWN


def test_an_argument_with_a_mark_never_has_another_form() -> None:
    condition = f'{X} == "a/../b"'
    assert permitted(condition, tool({"x": TEXT})) is SHOWN
    assert permitted(condition, tool({"x": TEXT}, marks={"x": Mark.PATH})) is HIDDEN


def test_values_of_the_request_count_as_literals() -> None:
    only = tool({"x": TEXT})
    email = f"principal has email && {X} == principal.email"
    assert permitted(f'{email} && {X} like "*@corp.example"', only) is SHOWN
    assert permitted(f'{email} && {X} like "*@other.example"', only) is HIDDEN
    assert permitted(f"context.scopes.contains({X})", only, scopes=["a"]) is SHOWN
    assert permitted(f"context.scopes.contains({X})", only, scopes=[]) is HIDDEN
