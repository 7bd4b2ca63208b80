"""What is wrong with policies because of other policies."""

import pytest

from tests.unit.engine.checks.problems import calling, found

_CALLS = 'action in Mcp::Action::"tools/call"'


def shadowed(permit: str, forbid: str) -> list[tuple[str, str, str]]:
    return found(f'@id("f") forbid ({forbid});\n@id("p") permit ({permit});')


@pytest.mark.parametrize(
    ("permit", "forbid"),
    [
        (calling("git/log"), calling("git/log")),
        (calling("git/log"), "principal, action, resource"),
        (calling("git/log"), f"principal, {_CALLS}, resource"),
        (calling("git/log"), f'principal, {_CALLS}, resource in Mcp::Server::"git"'),
        (calling("git/log"), 'principal, action, resource == Mcp::Tool::"git/log"'),
        (calling("files/read"), f'principal, {_CALLS}, resource in Mcp::Tenant::"corp|acme"'),
        (
            f'principal, {_CALLS}, resource in Mcp::Server::"files"',
            'principal, action, resource in Mcp::Tenant::"corp|acme"',
        ),
        (
            'principal, action in [Mcp::Action::"git/log", Mcp::Action::"git/push"], resource',
            f'principal, {_CALLS}, resource is Mcp::Tool in Mcp::Server::"git"',
        ),
        *(
            (f"{narrow}, {_CALLS}, resource", f"{wide}, {_CALLS}, resource")
            for narrow, wide in (
                ('principal == Mcp::User::"c|a"', 'principal == Mcp::User::"c|a"'),
                ('principal == Mcp::User::"c|a"', 'principal in Mcp::User::"c|a"'),
                ('principal == Mcp::User::"c|a"', "principal is Mcp::User"),
                ('principal in Mcp::Group::"c|g"', 'principal in Mcp::Group::"c|g"'),
                ('principal is Mcp::User in Mcp::Group::"c|g"', 'principal in Mcp::Group::"c|g"'),
                ('principal is Mcp::User in Mcp::Group::"c|g"', "principal is Mcp::User"),
            )
        ),
    ],
)
def test_a_permit_within_a_forbid_without_conditions_is_shadowed(permit: str, forbid: str) -> None:
    message = "`forbid` `f` at policies/a.cedar:1 covers all that this policy permits"
    assert shadowed(permit, forbid) == [("shadowed", "permit", message)]


@pytest.mark.parametrize(
    ("permit", "forbid"),
    [
        (f"principal, {_CALLS}, resource", calling("git/log")),
        ("principal, action, resource", f"principal, {_CALLS}, resource"),
        (
            f'principal, {_CALLS}, resource in Mcp::Server::"git"',
            f'principal, {_CALLS}, resource in Mcp::Server::"files"',
        ),
        *(
            (f"{narrow}, {_CALLS}, resource", f"{wide}, {_CALLS}, resource")
            for narrow, wide in (
                ("principal", "principal is Mcp::User"),
                ('principal in Mcp::Group::"c|g"', "principal is Mcp::User"),
                ('principal in Mcp::Group::"c|g"', 'principal is Mcp::User in Mcp::Group::"c|g"'),
                ('principal in Mcp::Group::"c|g"', 'principal in Mcp::Group::"c|h"'),
                ('principal == Mcp::User::"c|a"', "principal is Mcp::Agent"),
            )
        ),
    ],
)
def test_a_permit_that_reaches_further_is_not(permit: str, forbid: str) -> None:
    assert shadowed(permit, forbid) == []


def test_a_forbid_with_conditions_shadows_nothing_unless_they_always_hold() -> None:
    permit = f'@id("p") permit ({calling("git/log")});'
    forbid = '@id("f") forbid (principal, action, resource) when {{ {} }};'
    assert found(forbid.format("context has ip") + permit) == []
    assert [code for code, _, _ in found(forbid.format("true") + permit)] == ["always_matches", "shadowed"]


def named(*groups: str) -> list[tuple[str, str, str]]:
    scope = '@id("p{}") permit (principal in Mcp::Group::"{}", action == Mcp::Action::"git/log", resource);'
    return found("\n".join(scope.format(number, group) for number, group in enumerate(groups)))


@pytest.mark.parametrize(
    "wrong", ["corp|enginers", "corp|enigneers", "corp|engineerss", "corp|Engineers", "crop|engineers"]
)
def test_a_group_named_once_and_nearly_as_another_is_suspect(wrong: str) -> None:
    message = f"group `{wrong}` is named here alone, and `corp|engineers` elsewhere; is this one meant?"
    assert named("corp|engineers", wrong, "corp|engineers") == [("name_suspect", f'Mcp::Group::"{wrong}"', message)]


@pytest.mark.parametrize(
    "groups",
    [
        ("corp|engineers", "corp|operations", "corp|engineers"),
        ("corp|team-1", "corp|team-2", "corp|team-1", "corp|team-1"),
        ("corp|engineers", "corp|enginers", "corp|engineers", "corp|enginers"),
        ("corp|qa", "corp|qb", "corp|qa"),
    ],
)
def test_other_names_are_not(groups: tuple[str, ...]) -> None:
    assert named(*groups) == []


def test_a_name_in_a_condition_is_pointed_at() -> None:
    group = '@id("p{}") permit (principal in Mcp::Group::"corp|engineers", action, resource);'
    odd = f'@id("q") permit ({calling("git/log")}) when {{ principal in [Mcp::Group::"corp|engineer"] }};'
    texts = [text for _, text, _ in found(group.format(1) + group.format(2) + odd)]
    assert texts == ['Mcp::Group::"corp|engineer"']
