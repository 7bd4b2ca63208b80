from typing import Any

import pytest

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.closure import (
    Entity,
    action_entities,
    closed,
    defined,
    lineage,
    literal_entities,
    principal_entities,
    tool_entities,
    uid,
)
from pdp.core.engine.request import read_access
from pdp.core.identity.builtin import BUILT_IN
from tests.unit.engine.sample import CATALOG, call, decide

_CHAIN = {"first": "corp|a", "last": "corp|c", "depth": 3, "members": ["corp|a", "corp|b", "corp|c"]}
_WHO: dict[str, Any] = {"groups": ["corp|g", "corp|h"], "roles": ["corp|r"], "tenant": "corp|t", "email": "a@b"}
_LITERALS = (uid("Tool", "git/push"), uid("Server", "odd"), uid("Action", "git/log"), uid("Group", "corp|z"))


def _entities() -> dict[EntityUid, Entity]:
    access = read_access(call(properties=_WHO, actor="corp|bot", delegation=_CHAIN), mapping=BUILT_IN)
    tool = CATALOG.find("git/push")
    assert tool is not None
    literals = [entity for literal in _LITERALS for entity in literal_entities(literal, CATALOG)]
    return defined((*principal_entities(access), *action_entities(tool), *tool_entities(tool), *literals))


_NAMED = (
    uid("User", "corp|alice"),
    uid("Action", "git/push"),
    *(uid("Agent", agent) for agent in ("corp|a", "corp|b", "corp|c", "corp|bot")),
    *_LITERALS,
)
_REACHED = (
    *(uid("Group", name) for name in ("corp|g", "corp|h")),
    uid("Role", "corp|r"),
    uid("Tenant", "corp|t"),
    uid("Action", "tools/call"),
    uid("Server", "git"),
    uid("Tenant", "corp|acme"),
)


def test_a_closure_holds_what_a_request_and_its_policies_name_and_all_that_this_reaches() -> None:
    assert set(_entities()) == {*_NAMED, *_REACHED}


@pytest.mark.parametrize("missing", [*_NAMED, *_REACHED], ids=lambda entity: f"{entity.type}-{entity.id}")
def test_a_closure_without_one_of_its_entities_is_refused(missing: EntityUid) -> None:
    whole = _entities()
    assert len(closed(whole, _NAMED)) == len(whole)
    with pytest.raises(Refused) as refused:
        closed({key: entity for key, entity in whole.items() if key != missing}, _NAMED)
    assert refused.value.code is ReasonCode.REQUEST_INVALID


def test_a_missing_parent_would_switch_a_forbid_off() -> None:
    """Why a closure is refused: Cedar itself takes an undefined ancestor for none."""
    member, middle, top = (EntityUid("T", name) for name in ("member", "middle", "top"))
    whole = [Entity(member, {}, (middle,)), Entity(middle, {}, (top,)), Entity(top, {})]
    tree = cedar.read_tree('forbid(principal in T::"top", action, resource);')
    policies = cedar.policy_set([tree])

    def reasons(entities: list[Entity]) -> int:
        handle = cedar.entities(entity.as_json() for entity in entities)
        asked = cedar.question(member, EntityUid("Action", "a"), top)
        return len(cedar.authorize(policies, handle, asked, context={}).reasons)

    assert (reasons(whole), reasons([whole[0], whole[2]])) == (1, 0)


def test_ancestors_are_followed_to_the_end_and_through_cycles() -> None:
    a, b, c = (EntityUid("T", name) for name in "abc")
    entities = defined([Entity(a, {}, (b,)), Entity(b, {}, (c,)), Entity(c, {}, (a,))])
    assert lineage(a, entities).ancestors == {a, b, c}
    assert lineage(EntityUid("T", "unknown"), entities).ancestors == {EntityUid("T", "unknown")}


def test_a_bare_mention_never_empties_a_definition() -> None:
    full = Entity(uid("Agent", "corp|bot"), {"email": "x"}, (uid("Group", "g"),))
    bare = Entity(uid("Agent", "corp|bot"), {})
    assert defined([full, bare]) == defined([bare, full]) == {full.uid: full}


@pytest.mark.parametrize(
    "condition",
    [
        'Mcp::Tool::"git/push" in Mcp::Tenant::"corp|acme"',
        'Mcp::Tool::"git/log".readOnly',
        'Mcp::Server::"git" in Mcp::Tenant::"corp|acme"',
        'Mcp::Action::"git/push" in Mcp::Action::"tools/call"',
        'context.delegation.first in [Mcp::Agent::"corp|a"]',
        'principal has tenant && principal.tenant == Mcp::Tenant::"corp|t"',
        'principal has email && principal.email like "*@b"',
    ],
)
def test_policies_that_name_entities_see_what_the_catalog_knows_of_them(condition: str) -> None:
    guard = "context has delegation && " if "delegation" in condition else ""
    policy = f'@id("p") permit(principal, action, resource is Mcp::Tool) when {{ {guard}{condition} }};'
    assert decide(policy, call(properties=_WHO, delegation=_CHAIN)).code is ReasonCode.ALLOWED
