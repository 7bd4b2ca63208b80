"""Arguments that no tool has, and patterns on arguments."""

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark
from tests.unit.engine.checks.problems import ANY_CALL, STRING, calling, found, permit, tool
from tests.unit.engine.checks.test_pattern import FORM


@pytest.mark.parametrize(
    ("condition", "at", "message"),
    [
        ('context.arguments.rpeo == "a"', "context.arguments.rpeo", "`rpeo`; did you mean `repo`?"),
        (
            "context.arguments has cuont && context.arguments.cuont == 1",
            "context.arguments has cuont",
            "`cuont`; did you mean `count`?",
        ),
        ("context.arguments has options", "context.arguments has options", "`options`"),
        ("context.arguments has path.x", "context.arguments has path", "`path`"),
    ],
)
def test_an_argument_that_no_tool_in_the_scope_has_is_unknown(condition: str, at: str, message: str) -> None:
    wording = f"no tool that this policy is about has an argument {message}"
    assert found(permit(condition)) == [("argument_unknown", at, wording)]


def test_nested_arguments_are_known_too() -> None:
    scope = calling("git/push")
    assert found(permit("context.arguments.options has force && context.arguments.options.force", scope=scope)) == []
    assert found(permit("context.arguments.options has frce", scope=scope)) == [
        (
            "argument_unknown",
            "context.arguments.options has frce",
            "no tool that this policy is about has an argument `options.frce`; did you mean `force`?",
        )
    ]


def test_an_argument_that_one_tool_of_many_has_is_known() -> None:
    assert found(permit("context.arguments has count && context.arguments.count < 9", scope=ANY_CALL)) == []


def test_the_resource_of_the_scope_counts() -> None:
    scope = 'principal, action in Mcp::Action::"tools/call", resource in Mcp::Server::"files"'
    assert [code for code, _, _ in found(permit("context.arguments has repo", scope=scope))] == ["argument_unknown"]


def test_lists_have_no_argument_at_all() -> None:
    scope = 'principal, action == Mcp::Action::"tools/list", resource'
    assert [code for code, _, _ in found(permit("context.arguments has repo", scope=scope))] == ["argument_unknown"]


def test_like_on_an_argument_without_a_mark_is_refused() -> None:
    assert found(permit('context.arguments.repo like "srv/*"')) == [
        (
            "like_unmarked",
            'context.arguments.repo like "srv/*"',
            "`like` on `repo`, which is not marked for `git/log`: the caller's spelling gets past a pattern",
        )
    ]


@pytest.mark.parametrize(
    "condition",
    [
        '(if context has ip then context.arguments.repo else "x") like "srv/*"',
        'context.scopes.contains("x") || !(context.arguments.repo like "srv/*")',
    ],
)
def test_like_on_it_is_found_wherever_it_stands(condition: str) -> None:
    assert [code for code, _, _ in found(permit(condition))] == ["like_unmarked"]


def test_like_is_fine_on_marked_arguments_and_on_what_no_caller_spells() -> None:
    assert found(permit('context.arguments.path like "srv/*"', scope=calling("files/read"))) == []
    assert found(permit('principal has email && principal.email like "*@example.com"')) == []
    assert found(permit('resource.name like "l*"')) == []


def test_one_tool_that_lacks_the_mark_is_enough() -> None:
    both = 'principal, action in [Mcp::Action::"files/read", Mcp::Action::"git/log"], resource'
    guarded = 'context.arguments has {0} && context.arguments.{0} like "a*"'
    assert [code for code, _, _ in found(permit(guarded.format("path"), scope=both))] == []
    assert [code for code, _, _ in found(permit(guarded.format("repo"), scope=both))] == ["like_unmarked"]


def test_a_pattern_that_no_path_in_its_one_form_matches_is_told() -> None:
    text = permit('context.arguments.path like "srv/*/../x"', scope=calling("files/read"))
    assert found(text) == [
        (
            "pattern_unmatchable",
            'context.arguments.path like "srv/*/../x"',
            f"no value matches: {FORM}",
        )
    ]


def test_the_text_of_a_marked_union_is_in_one_form_and_a_text_within_a_record_is_not() -> None:
    record = {"type": "object", "properties": {"string": STRING}, "required": ["string"]}
    catalog = Catalog(
        [tool("s/t", marks={"a": Mark.PATH, "b": Mark.PATH}, a={"type": ["string", "integer"]}, b=record)]
    )
    text = 'context.arguments.{0} has string && context.arguments.{0}.string like "srv/*"'
    assert found(permit(text.format("a"), scope=calling("s/t")), catalog=catalog) == []
    problems = found(permit(text.format("b"), scope=calling("s/t")), catalog=catalog)
    assert [code for code, _, _ in problems] == ["like_unmarked"]
