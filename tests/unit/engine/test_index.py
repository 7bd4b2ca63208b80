"""The index: the policies whose scope admits a request, no other, each once, sorted by id."""

import pytest

from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.scope import Lineage
from tests.unit.engine.scoped import heads, ids, lineage

ALICE = lineage("N::User::alice", "N::Group::eng", "N::Group::all", "Tenant::acme")
READ = lineage("N::Action::read", "N::Action::any")
DOC = lineage("Doc::a", "Folder::x", "Folder::root")


def matching(head: str, *, principal: Lineage = ALICE, action: Lineage = READ, resource: Lineage = DOC) -> list[str]:
    found = PolicyIndex(heads(p=head)).matching(principal=principal, action=action, resource=resource)
    return ids(found)


@pytest.mark.parametrize(
    "head",
    [
        "principal, action, resource",
        'principal == N::User::"alice", action, resource',
        'principal in N::User::"alice", action, resource',
        'principal in N::Group::"all", action, resource',
        'principal in Tenant::"acme", action, resource',
        "principal is N::User, action, resource",
        'principal is N::User in N::Group::"eng", action, resource',
        'principal is N::User in N::User::"alice", action, resource',
        'principal, action == N::Action::"read", resource',
        'principal, action in N::Action::"read", resource',
        'principal, action in N::Action::"any", resource',
        'principal, action in [N::Action::"write", N::Action::"any"], resource',
        'principal, action, resource == Doc::"a"',
        'principal, action, resource in Folder::"root"',
        "principal, action, resource is Doc",
        'principal, action, resource is Doc in Folder::"x"',
        'principal == N::User::"alice", action == N::Action::"read", resource == Doc::"a"',
        'principal is N::User in N::Group::"eng", action in [N::Action::"any"], resource is Doc in Folder::"x"',
    ],
)
def test_a_policy_whose_scope_admits_the_request_is_found(head: str) -> None:
    assert matching(head) == ["p"]


@pytest.mark.parametrize(
    "head",
    [
        'principal == N::User::"bob", action, resource',
        'principal == N::Group::"eng", action, resource',
        'principal == User::"alice", action, resource',
        'principal in N::Group::"ops", action, resource',
        'principal in N::User::"all", action, resource',
        "principal is User, action, resource",
        "principal is N::Group, action, resource",
        'principal is N::Group in N::Group::"eng", action, resource',
        'principal is N::User in N::Group::"ops", action, resource',
        'principal, action == N::Action::"any", resource',
        'principal, action == Action::"read", resource',
        'principal, action in [N::Action::"write", N::Action::"list"], resource',
        "principal, action in [], resource",
        'principal, action, resource == Folder::"x"',
        'principal, action, resource in Folder::"y"',
        "principal, action, resource is Folder",
        'principal, action, resource is Doc in Doc::"x"',
        'principal == N::User::"alice", action == N::Action::"read", resource == Doc::"b"',
        'principal == N::User::"alice", action in N::Action::"none", resource == Doc::"a"',
        'principal in N::Group::"ops", action == N::Action::"read", resource == Doc::"a"',
    ],
)
def test_a_policy_whose_scope_rules_the_request_out_is_not_found(head: str) -> None:
    assert matching(head) == []


def test_a_policy_that_several_ancestors_lead_to_is_found_once() -> None:
    index = PolicyIndex(
        heads(
            twice='principal, action in [N::Action::"read", N::Action::"read"], resource',
            both='principal, action in [N::Action::"any", N::Action::"read", N::Action::"other"], resource',
        )
    )
    assert ids(index.matching(principal=ALICE, action=READ, resource=DOC)) == ["both", "twice"]


def test_policies_come_sorted_by_id_whatever_their_order_and_their_keys() -> None:
    given = heads(
        c="principal, action, resource",
        a='principal == N::User::"alice", action, resource',
        d='principal, action in [N::Action::"any"], resource',
        b='principal, action, resource in Folder::"root"',
        e='principal in N::Group::"eng", action == N::Action::"read", resource is Doc',
    )
    for order in (given, tuple(reversed(given))):
        found = PolicyIndex(order).matching(principal=ALICE, action=READ, resource=DOC)
        assert ids(found) == ["a", "b", "c", "d", "e"]


def test_an_index_of_nothing_finds_nothing() -> None:
    assert PolicyIndex(()).matching(principal=ALICE, action=READ, resource=DOC) == ()


def test_an_entity_that_is_its_only_ancestor_is_in_itself() -> None:
    alone = lineage("N::User::zoe")
    assert matching('principal in N::User::"zoe", action, resource', principal=alone) == ["p"]
    assert matching('principal in N::Group::"eng", action, resource', principal=alone) == []


def test_ids_with_quotes_and_signs_are_keys_like_any_other() -> None:
    odd = lineage('Doc::we"ird\\::name', 'Folder::ünï "x"')
    assert matching(r'principal, action, resource == Doc::"we\"ird\\"', resource=odd) == []
    assert matching(r'principal, action, resource in Folder::"ünï \"x\""', resource=odd) == ["p"]


def test_one_of_three_constraints_that_fails_is_enough_where_the_others_are_shared_by_many() -> None:
    texts = {
        f"p{number:04}": f'principal in N::Group::"eng", action == N::Action::"a{number}", resource in Folder::"x"'
        for number in range(2_000)
    }
    index = PolicyIndex(heads(**texts))
    assert ids(index.matching(principal=ALICE, action=lineage("N::Action::a7"), resource=DOC)) == ["p0007"]
    assert index.matching(principal=ALICE, action=READ, resource=DOC) == ()


def test_a_principal_in_thousands_of_groups_finds_exactly_the_policies_of_its_groups() -> None:
    texts = {f"p{number:04}": f'principal in N::Group::"g{number}", action, resource' for number in range(3_000)}
    index = PolicyIndex(heads(**texts, any="principal, action, resource"))
    member = lineage("N::User::alice", *(f"N::Group::g{number}" for number in range(0, 6_000, 2)))
    found = ids(index.matching(principal=member, action=READ, resource=DOC))
    assert found == sorted(["any", *(f"p{number:04}" for number in range(0, 3_000, 2))])
