import itertools
import json
from typing import Any

import pytest

from pdp.core.engine import cedar
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties
from pdp.server.admin.authority import (
    POLICIES,
    SCHEMA,
    AdminAction,
    Authority,
    NotPermittedError,
    Role,
)
from tests.unit.server.admin.hosting import ROLES

MATRIX = {
    Role.AUDITOR: {"status:read", "revocations:read", "log:read"},
    Role.OPERATOR: {"status:read", "revocations:read", "revocations:write"},
    Role.PUBLISHER: {"status:read", "policies:publish"},
    Role.APPROVER: {"status:read", "calls:approve"},
}


def somebody(
    name: str = "corp|zoe", *, groups: Any = (), roles: Any = (), agent: str | None = None, **named: Any
) -> Principal:
    kind = PrincipalType.USER if agent is None else PrincipalType.AGENT
    return Principal(kind, agent or name, SubjectProperties(groups=tuple(groups), roles=tuple(roles)), **named)


def holding(*roles: Role) -> Principal:
    """Somebody with exactly these roles."""
    return somebody(groups=[f"corp|{role}" for role in roles])


AUTHORITY = Authority({role: [f"group:corp|{role}"] for role in Role})


@pytest.mark.parametrize(("role", "action"), list(itertools.product(Role, AdminAction)))
def test_each_role_may_do_what_is_written_and_nothing_else(role: Role, action: AdminAction) -> None:
    person = AUTHORITY.person(holding(role))
    assert person.roles == (role,)
    if action.value in MATRIX[role]:
        AUTHORITY.check(person, action)
    else:
        with pytest.raises(NotPermittedError):
            AUTHORITY.check(person, action)


def test_roles_add_up_and_without_one_nothing_is_permitted() -> None:
    both = AUTHORITY.person(holding(Role.AUDITOR, Role.APPROVER))
    assert set(AUTHORITY.permitted(both)) == MATRIX[Role.AUDITOR] | MATRIX[Role.APPROVER]
    assert AUTHORITY.permitted(AUTHORITY.person(somebody())) == ()


@pytest.mark.parametrize(
    "principal",
    [
        somebody("corp|paul2"),
        somebody("other|olga"),
        somebody("olga"),
        somebody(groups=["operator"]),
        somebody(groups=["corp|operator"]),
        somebody(groups=["ops"]),
        somebody(groups=["other|ops"]),
        somebody(groups=["group:corp|ops"]),
        somebody(groups=["corp|corp|ops"]),
        somebody(groups=["corp|olga"]),
        somebody(groups=["corp|Ops"]),
        somebody(roles=["corp|ops", "operator", "corp|operator"]),
        somebody(agent="corp|olga"),
        somebody("corp|ci"),
        somebody('Admin::Role::"operator"', groups=['Admin::Role::"operator"']),
        somebody(actor="corp|olga"),
    ],
)
def test_a_name_that_only_looks_like_a_members_gives_no_role(principal: Principal) -> None:
    assert Authority(ROLES).person(principal).roles == ()


def test_members_are_people_groups_roles_and_agents_of_an_issuer() -> None:
    authority = Authority(ROLES)
    assert authority.person(somebody("corp|olga")).roles == (Role.OPERATOR,)
    assert authority.person(somebody(groups=["corp|x", "corp|audit"])).roles == (Role.AUDITOR,)
    assert authority.person(somebody(roles=["corp|publisher"])).roles == (Role.PUBLISHER,)
    assert authority.person(somebody(agent="corp|ci")).roles == (Role.PUBLISHER, Role.APPROVER)


def test_an_agent_approves_and_publishes_nothing() -> None:
    authority = Authority(ROLES)
    assert authority.permitted(authority.person(somebody(agent="corp|ci"))) == (AdminAction.STATUS_READ,)


def test_whoever_acts_for_somebody_has_none_of_their_permissions() -> None:
    delegated = Authority(ROLES).person(somebody("corp|olga", chain=("corp|bot",)))
    assert delegated.roles == (Role.OPERATOR,)
    assert Authority(ROLES).permitted(delegated) == ()


@pytest.mark.parametrize(
    "broken",
    [
        '@id("b") forbid (principal, action, resource) when { context.nothing };',
        '@id("b") forbid (principal, action, resource) when { principal.tenant == "a" };',
        '@id("b") permit (principal, action, resource) when { 1 < context.delegated };',
    ],
)
def test_a_policy_that_fails_denies_what_others_permit(broken: str) -> None:
    authority = Authority(ROLES, policies=POLICIES + broken)
    assert authority.permitted(authority.person(somebody("corp|olga"))) == ()


def test_without_policies_nothing_is_permitted() -> None:
    authority = Authority(ROLES, policies="")
    assert authority.permitted(authority.person(somebody("corp|olga"))) == ()


def test_the_policies_fit_their_schema_and_the_schema_has_every_action() -> None:
    schema = json.loads(SCHEMA)
    assert cedar.validate([POLICIES], cedar.schema(schema)) == []
    assert set(schema["Admin"]["actions"]) == {action.value for action in AdminAction}
    for role in Role:
        assert f'Admin::Role::"{role}"' in POLICIES
