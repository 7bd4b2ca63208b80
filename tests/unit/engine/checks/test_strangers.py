"""Questions about principals that nobody but they can answer."""

import pytest

from tests.unit.engine.checks.problems import found, permit

_BOB = 'Mcp::User::"corp|bob"'


@pytest.mark.parametrize(
    "condition",
    [
        f'{_BOB} in Mcp::Group::"corp|ops"',
        f'{_BOB} is Mcp::User in Mcp::Group::"corp|ops"',
        f"{_BOB} has email",
        f"{_BOB} has email.x",
        'Mcp::Group::"corp|dev" in Mcp::Group::"corp|ops"',
        'Mcp::Agent::"corp|bot" in [Mcp::Role::"corp|ops"]',
    ],
)
def test_what_a_named_principal_is_in_or_has_is_not_known(condition: str) -> None:
    told = [(code, text) for code, text, _ in found(permit(condition)) if code == "entity_unknown"]
    assert [code for code, _ in told] == ["entity_unknown"]
    assert all(text in condition for _, text in told)


@pytest.mark.parametrize(
    "condition",
    [
        f'principal == {_BOB} && principal in Mcp::Group::"corp|ops"',
        'context has actor && context.actor == Mcp::Agent::"corp|bot"',
        'context has delegation && context.delegation.members.contains(Mcp::Agent::"corp|bot")',
        'resource in Mcp::Server::"git" && principal has email',
        'Mcp::Tool::"git/push" in Mcp::Server::"git" && principal is Mcp::User',
    ],
)
def test_comparing_with_a_named_principal_and_asking_about_tools_is_fine(condition: str) -> None:
    assert "entity_unknown" not in [code for code, _, _ in found(permit(condition))]


def test_an_unknown_group_hides_no_other_problem() -> None:
    policy = permit(
        "context.arguments.nothing == 1",
        scope='principal in Mcp::Group::"ops", action == Mcp::Action::"git/log", resource',
    )
    assert [code for code, _, _ in found(policy)] == ["name_unknown", "argument_unknown"]
