"""What Cedar's strict validation finds, in our words and at its place."""

import pytest

from pdp.core.catalog.catalog import Catalog
from tests.unit.engine.checks.problems import ANY_CALL, STRING, calling, found, permit, tool


@pytest.mark.parametrize(
    ("condition", "at", "message"),
    [
        (
            "context.arguments.count == 1",
            "context.arguments.count",
            "`context.arguments.count` may be absent for `git/log`: write `context.arguments has count &&` before it",
        ),
        (
            'context.arguments has count && context.arguments.count == "a"',
            'context.arguments.count == "a"',
            "a Long and a String do not go together",
        ),
        (
            'context.arguments.repo == "a" && context.arguments.repo < 1',
            "context.arguments.repo < 1",
            "this must be a Long, and is a String",
        ),
        (
            'context.scopes.contains("a") || (if principal is Mcp::User then context.session == "x" '
            'else context has session && context.session == "x")',
            "context.session",
            "`context.session` may be absent for `git/log`: write `context has session &&` before it",
        ),
        ("context.arguments.repo", "context.arguments.repo", "this must be a Bool, and is a String"),
        (
            "context has ip && (1 < 2 && [1, context.scopes] == [2])",
            "[1, context.scopes]",
            "a Long and `Set<String>` do not go together",
        ),
        ('ip("here").isLoopback()', 'ip("here")', 'failed to parse as IP address: `"here"`'),
        ("principal.tenat == 1", "principal.tenat", "there is no attribute `tenat` of `Mcp::Agent`, `Mcp::User`"),
        (
            'principal.email == "a"',
            "principal.email",
            "`email` of `Mcp::Agent`, `Mcp::User` may be absent: write `has email &&` before it",
        ),
        ('context.foo == "a"', "context.foo", "`context` has no `foo` for `git/log`"),
        ("context.scopes == []", "[]", "empty set literals are forbidden in policies"),
        (
            "context.arguments.repo.a == 1",
            "context.arguments.repo.a",
            "this must be an entity or a record, and is a String",
        ),
    ],
)
def test_an_ill_typed_condition_is_pointed_at_in_its_smallest_part(condition: str, at: str, message: str) -> None:
    assert found(permit(condition)) == [("validation", at, message)]


def test_the_same_mistake_twice_is_pointed_at_twice() -> None:
    text = permit('context.session == "a" || (context has session && context.session == "b") || context.session == "c"')
    message = "`context.session` may be absent for `git/log`: write `context has session &&` before it"
    assert found(text) == [("validation", "context.session", message)] * 2


def test_a_mistake_in_an_unless_is_pointed_at_behind_what_the_clauses_before_it_say() -> None:
    text = f'@id("p") forbid ({calling("git/log")}) when {{ context has ip }} unless {{ context.ip.isLoopback() < 1 }};'
    message = "this must be a Long, and is a Bool"
    assert found(text) == [("validation", "context.ip.isLoopback() < 1", message)]


def test_an_argument_that_only_some_tools_have_names_those_that_lack_it() -> None:
    catalog = Catalog([tool("s/has", a=STRING), *(tool(f"s/t{number}", b=STRING) for number in range(9))])
    assert found(permit('context.arguments.a == "x"', scope=ANY_CALL), catalog=catalog) == [
        (
            "validation",
            "context.arguments.a",
            "`context.arguments` has no `a` for `s/t0`, `s/t1`, `s/t2` and 6 more: "
            "write `context.arguments has a &&` before it, or name the tools",
        )
    ]


def test_lists_of_tools_have_no_arguments() -> None:
    message = "lists of tools have no arguments: let the scope name tools, or `action in` the group of calls"
    scope = 'principal, action in [Mcp::Action::"tools/list", Mcp::Action::"git/log"], resource'
    text = permit('context.arguments.repo == "x"', scope=scope)
    assert found(text) == [("validation", "context.arguments", message)]


def test_a_condition_within_a_hundred_others_is_found() -> None:
    names = " || ".join(f'context.scopes.contains("s{number}")' for number in range(60))
    text = permit(f'({names}) && context.session == "x"')
    message = "`context.session` may be absent for `git/log`: write `context has session &&` before it"
    assert found(text) == [("validation", "context.session", message)]


def test_what_holds_when_is_not_told_of_ill_typed_conditions() -> None:
    assert [code for code, _, _ in found(permit("1 + context.scopes == 2 && false"))] == ["validation"]
