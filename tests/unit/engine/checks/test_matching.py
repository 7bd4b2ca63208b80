"""Policies that match never or always."""

import pytest

from pdp.core.catalog.catalog import Catalog
from tests.unit.engine.checks.problems import calling, found, permit

_OTHER_TOOL = "no call has both this action and this resource: a tool's action comes with that tool alone"


@pytest.mark.parametrize(
    ("scope", "at", "message"),
    [
        (
            calling("tools/call"),
            'action == Mcp::Action::"tools/call"',
            "a call has the action of its tool: write `action in` for the group `tools/call`",
        ),
        ("principal, action in [], resource", "action in []", "the list of actions is empty"),
        (
            f'{calling("git/log")} in Mcp::Server::"files"',
            'resource in Mcp::Server::"files"',
            _OTHER_TOOL,
        ),
        (f'{calling("git/log")} == Mcp::Tool::"git/push"', 'resource == Mcp::Tool::"git/push"', _OTHER_TOOL),
        (f'{calling("git/log")} == Mcp::Server::"git"', 'resource == Mcp::Server::"git"', _OTHER_TOOL),
        (f"{calling('tools/list')} is Mcp::Tool", "resource is Mcp::Tool", _OTHER_TOOL),
        (f'{calling("git/log")} in Mcp::Tenant::"corp|acme"', 'resource in Mcp::Tenant::"corp|acme"', _OTHER_TOOL),
        (
            'principal, action, resource == Mcp::Group::"corp|x"',
            'resource == Mcp::Group::"corp|x"',
            "no call has this resource: calls have tools, and lists of tools have servers",
        ),
        *(
            (
                f'{principal}, action == Mcp::Action::"git/log", resource',
                principal,
                "nobody who calls is this principal: callers are users and agents, `in` groups, roles and tenants",
            )
            for principal in (
                "principal is Mcp::Group",
                'principal == Mcp::Group::"corp|x"',
                'principal in Mcp::Server::"git"',
                'principal is Mcp::Role in Mcp::Group::"corp|x"',
                'principal is Mcp::User in Mcp::Agent::"corp|x"',
            )
        ),
    ],
)
def test_a_scope_that_no_request_is_in_is_refused(scope: str, at: str, message: str) -> None:
    assert found(permit("context has ip", scope=scope)) == [("never_matches", at, message)]


@pytest.mark.parametrize(
    "scope",
    [
        f'{calling("git/log")} == Mcp::Tool::"git/log"',
        f'{calling("tools/list")} in Mcp::Tenant::"corp|acme"',
        'principal in Mcp::User::"corp|a", action, resource is Mcp::Tool in Mcp::Server::"git"',
        'principal is Mcp::Agent in Mcp::Agent::"corp|a", action, resource',
        'principal, action in [Mcp::Action::"git/log", Mcp::Action::"files/read"], resource in Mcp::Server::"files"',
    ],
)
def test_a_scope_that_some_request_is_in_is_not(scope: str) -> None:
    assert found(permit("context has ip", scope=scope)) == []


@pytest.mark.parametrize(
    ("condition", "at"),
    [
        ("false", "false"),
        ("context has ip && 2 < 1", "2 < 1"),
        ('context.arguments.repo == "a" && context.arguments.repo == "b"', 'context.arguments.repo == "b"'),
        ('context.arguments.repo == "a" && "b" == context.arguments.repo', '"b" == context.arguments.repo'),
        ('context.arguments.repo == "a" && context.arguments.repo != "a"', 'context.arguments.repo != "a"'),
        ("context has ip && (1 < 2 && !(context has ip))", "context has ip"),
        (
            "context.arguments has count && 5 <= context.arguments.count && context.arguments.count < 5",
            "context.arguments.count < 5",
        ),
        (
            "context.arguments has count && context.arguments.count == 3 && !(context.arguments.count <= 3)",
            "context.arguments.count <= 3",
        ),
        ("9223372036854775807 + 1 > 0", "9223372036854775807 + 1 > 0"),
    ],
)
def test_conditions_that_are_never_true_are_refused(condition: str, at: str) -> None:
    assert [(code, text) for code, text, _ in found(permit(condition))] == [("never_matches", at)]


def test_clauses_contradict_each_other_too() -> None:
    text = f'@id("p") permit ({calling("git/log")}) when {{ context has ip }} unless {{ context has ip || 1 < 2 }};'
    assert found(text) == [
        ("never_matches", "context has ip", "this contradicts another condition, so no request matches")
    ]


@pytest.mark.parametrize("condition", ["true", "context has ip || !(context has ip)", "false || 1 < 2"])
def test_conditions_that_always_hold_are_told(condition: str) -> None:
    assert found(permit(condition)) == [
        ("always_matches", f"when {{ {condition} }}", "the conditions hold for every request in the scope")
    ]


@pytest.mark.parametrize(
    "condition",
    [
        'context.arguments.repo == "a" || context.arguments.repo == "b"',
        'context.arguments.repo != "a" && context.arguments.repo != "b"',
        "context.arguments has count && 5 <= context.arguments.count && context.arguments.count <= 5",
        'context has session && (context.session == "a" || context.session == "b")',
        "!(context has ip && context has session)",
    ],
)
def test_conditions_that_hold_for_some_are_neither(condition: str) -> None:
    assert found(permit(condition)) == []


def test_no_conditions_are_no_conditions_that_always_hold() -> None:
    assert found(f'@id("p") permit ({calling("git/log")});') == []


def test_a_catalog_without_tools_says_nothing_about_scopes() -> None:
    assert (
        found('@id("p") permit (principal, action in Mcp::Action::"tools/call", resource);', catalog=Catalog([])) == []
    )
