import math
from typing import Any

import pytest

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Recording
from pdp.core.engine.evaluate import Decision, Holds
from tests.unit.engine.sample import NOON, call, decide, engine

PERMIT = '@id("all") permit(principal, action, resource);'


def log(condition: str, *, effect: str = "permit", key: str = "p") -> str:
    return f'@id("{key}") {effect}(principal, action == Mcp::Action::"git/log", resource) when {{ {condition} }};'


def test_an_allow_names_its_policies_sorted() -> None:
    policies = '@id("b") permit(principal, action, resource); @id("a") permit(principal, action, resource);'
    assert decide(policies) == Decision(ReasonCode.ALLOWED, policies=("a", "b"), holds=Holds(()))


def test_no_policy_is_a_deny() -> None:
    assert decide("") == Decision(ReasonCode.NO_POLICY_ALLOWS, holds=Holds(()))


def test_a_forbid_wins_over_a_permit_and_its_message_is_given() -> None:
    forbid = '@id("no") @message("not on this host") forbid(principal, action, resource);'
    assert decide(PERMIT + forbid) == Decision(
        ReasonCode.FORBIDDEN_BY_POLICY, message="not on this host", policies=("no",), holds=Holds(())
    )


def test_a_forbid_that_fails_to_evaluate_denies_although_cedar_allows() -> None:
    overflow = log("(if resource.pinned then 9223372036854775807 else 0) + 1 > 0", effect="forbid")
    assert decide(PERMIT + overflow) == Decision(
        ReasonCode.POLICY_ERROR, policies=("p",), errors=("p",), holds=Holds(())
    )


def test_a_permit_that_fails_to_evaluate_is_ignored_and_recorded() -> None:
    overflow = log("(if resource.pinned then 9223372036854775807 else 0) + 1 > 0")
    assert decide(PERMIT + overflow) == Decision(ReasonCode.ALLOWED, policies=("all",), errors=("p",), holds=Holds(()))
    assert decide(overflow) == Decision(ReasonCode.NO_POLICY_ALLOWS, errors=("p",), holds=Holds(()))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (call("git/other"), ReasonCode.TOOL_UNKNOWN),
        (call("git"), ReasonCode.TOOL_UNKNOWN),
        (EvaluationRequest(Subject("user", "a"), Action("tools/list"), Resource("tool", "git/log")), "method_unknown"),
        (EvaluationRequest(Subject("user", "a"), Action("git/log"), Resource("tool", "git/log")), "method_unknown"),
        (EvaluationRequest(Subject("user", "a"), Action("tools/call"), Resource("x", "git/log")), "request_invalid"),
        (EvaluationRequest(Subject("root", "a"), Action("tools/call"), Resource("tool", "git/log")), "request_invalid"),
        (call(properties={"groups": "eng"}), ReasonCode.REQUEST_INVALID),
        (call(properties={"admin": True}), ReasonCode.REQUEST_INVALID),
        (call(scopes="a"), ReasonCode.REQUEST_INVALID),
        (call(actor=7), ReasonCode.REQUEST_INVALID),
        (call(delegation={"first": "a"}), ReasonCode.REQUEST_INVALID),
    ],
)
def test_a_request_that_is_not_as_it_must_be_is_denied(request_: EvaluationRequest, code: str) -> None:
    assert decide(PERMIT, request_).code == code


def test_what_cedar_cannot_read_is_no_decision_and_denied() -> None:
    chain = {"first": "corp|a", "last": "corp|a", "depth": 2**63, "members": ["corp|a"]}
    reading = log("context has delegation && context.delegation.depth > 1", effect="forbid")
    assert decide(PERMIT + reading, call(delegation=chain)) == Decision(
        ReasonCode.REQUEST_INVALID, detail="Cedar cannot read the request", holds=Holds(())
    )


@pytest.mark.parametrize(
    "context",
    [
        {"arguments": {"repo": "r", "undeclared": 1}},
        {"arguments": [1]},
        {"arguments": None},
        {"ip": "localhost"},
        {"ip": "10.0.0.0/8"},
        {"ip": 7},
        {"session": 7},
        {"enforcer": {}},
    ],
)
def test_what_no_policy_reads_cannot_matter_and_what_one_reads_must_be_as_it_should(context: dict[str, Any]) -> None:
    (member,) = context
    request = EvaluationRequest(
        Subject("user", "corp|alice"), Action("tools/call"), Resource("tool", "git/log"), context
    )
    assert decide(PERMIT, request) == Decision(ReasonCode.ALLOWED, policies=("all",), holds=Holds(()))
    read = "context.arguments == context.arguments" if member == "arguments" else f"context has {member}"
    assert decide(PERMIT + log(read), request) == Decision(
        ReasonCode.ARGUMENT_NOT_REPRESENTABLE, policies=("p",), holds=Holds((f"/context/{member}",))
    )


def test_an_address_has_one_form() -> None:
    policy = log('context has ip && context.ip.isInRange(ip("10.0.0.0/8"))')
    assert decide(policy, call(ip="::ffff:10.0.0.1")).code is ReasonCode.ALLOWED
    assert decide(policy, call(ip="::ffff:11.0.0.1")).code is ReasonCode.NO_POLICY_ALLOWS
    assert decide(policy, call(ip="fe80::1%eth0")).code is ReasonCode.ARGUMENT_NOT_REPRESENTABLE


@pytest.mark.parametrize(
    ("conditions", "vary"),
    [
        ("resource.readOnly", ()),
        ('principal in Mcp::Group::"corp|a" && context.scopes.contains("x")', ()),
        ('context.arguments.repo == "r"', ("/context/arguments/repo",)),
        ("context.arguments has count && context.arguments.count > 1", ("/context/arguments/count",)),
        ("context.arguments has options.deep", ("/context/arguments/options/deep",)),
        ('context.arguments == context.arguments && context.arguments.repo == "r"', ("/context/arguments",)),
        ("context has ip && context has session", ("/context/ip", "/context/session")),
        ('context.now > datetime("2026-01-01")', ("/context/now",)),
    ],
)
def test_vary_names_what_the_slice_reads_besides_who_asks(conditions: str, vary: tuple[str, ...]) -> None:
    assert decide(PERMIT + log(conditions)).holds.vary == vary
    assert decide(PERMIT + log(conditions), call("git/push", {})).holds.vary == ()


def test_a_pointer_to_any_property_name_is_a_json_pointer() -> None:
    policy = (
        r'@id("p") permit(principal, action == Mcp::Action::"odd/we\"ird./-tool\\", resource)'
        r' when { context.arguments has "a\"b" && context.arguments["a\"b"] == "x" };'
    )
    assert decide(policy, call('odd/we"ird./-tool\\', {})).holds.vary == ('/context/arguments/a"b',)


def test_what_is_wrong_with_a_request_is_told_for_the_record_by_its_place() -> None:
    assert decide(PERMIT, call(actor=7)).detail == (
        "the request is not as it must be: Expected `str | null`, got `int` - at `$.actor`"
    )
    assert decide(PERMIT, call("git/other")).detail == "the tool is not in the catalog"
    assert decide(PERMIT).detail is None


def test_unknown_members_of_the_context_reach_no_policy() -> None:
    assert decide(PERMIT, call(extra={"__entity": "x"}, now="1970-01-01")).code is ReasonCode.ALLOWED


@pytest.mark.parametrize(
    ("condition", "arguments", "code"),
    [
        ("context.arguments has free", {"free": {"a": 1}}, ReasonCode.ARGUMENT_NOT_REPRESENTABLE),
        ("context.arguments has free", {}, ReasonCode.NO_POLICY_ALLOWS),
        ("context.arguments has count && context.arguments.count > 1", {"count": 2**63}, "argument_not_representable"),
        ("context.arguments has count && context.arguments.count > 1", {"count": 7, "free": {}}, ReasonCode.ALLOWED),
        ('context.arguments.repo == "r"', {"free": {"a": 1}}, ReasonCode.ALLOWED),
        ("context.arguments has options.deep", {"options": {"deep": True, "any": 1}}, ReasonCode.ALLOWED),
        ("context.arguments has options.any", {"options": {"deep": True, "any": 1}}, "argument_not_representable"),
        ("context.arguments has options", {"options": {"any": 1}}, ReasonCode.ALLOWED),
        ("context.arguments has options", {"options": [1]}, "argument_not_representable"),
    ],
)
def test_a_policy_that_reads_what_cedar_cannot_hold_denies_and_no_other_does(
    condition: str, arguments: dict[str, Any], code: str
) -> None:
    assert decide(log(condition), call(arguments={"repo": "r", **arguments})).code == code


def test_a_policy_for_another_tool_does_not_make_a_call_unrepresentable() -> None:
    other = '@id("o") permit(principal, action == Mcp::Action::"git/push", resource) when { context has ip };'
    assert decide(PERMIT + other, call(arguments={"repo": "r", "free": {}})).code is ReasonCode.ALLOWED


@pytest.mark.parametrize(
    ("condition", "context", "code"),
    [
        ('context.scopes.contains("git:read")', {"scopes": ["git:read"]}, "allowed"),
        ('context.scopes.contains("git:read")', {}, "scope_missing"),
        ('context has ip && context.ip.isInRange(ip("10.0.0.0/8"))', {"ip": "10.1.2.3"}, "allowed"),
        ('context has ip && context.ip.isInRange(ip("10.0.0.0/8"))', {"ip": "::1"}, "no_policy_allows"),
        ('context has ip && context.ip.isInRange(ip("10.0.0.0/8"))', {}, "no_policy_allows"),
        ('context has actor && context.actor == Mcp::Agent::"corp|bot"', {"actor": "corp|bot"}, "allowed"),
        ('context has enforcer && context.enforcer == "gw"', {"enforcer": "gw"}, "allowed"),
        ('context.now > datetime("2026-07-28T11:00:00Z")', {}, "allowed"),
        ("resource.readOnly && !resource.destructive", {}, "allowed"),
    ],
)
def test_policies_see_the_context(condition: str, context: dict[str, Any], code: str) -> None:
    assert decide(log(condition), call(**context)).code == code


def test_ancestors_come_from_groups_roles_tenant_and_delegation() -> None:
    for kind, properties in (
        ("Group", {"groups": ["corp|x"]}),
        ("Role", {"roles": ["corp|x"]}),
        ("Tenant", {"tenant": "corp|x"}),
    ):
        policy = f'@id("p") permit(principal in Mcp::{kind}::"corp|x", action, resource);'
        assert decide(policy, call(properties=properties)).code is ReasonCode.ALLOWED
        assert decide(policy).code is ReasonCode.NO_POLICY_ALLOWS
    chain = {"first": "corp|a", "last": "corp|b", "depth": 2, "members": ["corp|a", "corp|b"]}
    delegated = log('context has delegation && context.delegation.members.contains(Mcp::Agent::"corp|b")')
    assert decide(delegated, call(delegation=chain)).code is ReasonCode.ALLOWED


def test_a_tools_server_and_its_tenant_are_its_ancestors() -> None:
    owned = '@id("p") permit(principal, action in Mcp::Action::"tools/call", resource in Mcp::Tenant::"corp|acme");'
    assert decide(owned, call("git/push", {})).code is ReasonCode.ALLOWED
    assert decide(owned).code is ReasonCode.NO_POLICY_ALLOWS


def test_annotations_of_a_server_that_is_not_trusted_do_not_count() -> None:
    claimed = '@id("p") permit(principal, action, resource is Mcp::Tool) when { resource.readOnly };'
    assert decide(claimed, call('odd/we"ird./-tool\\', {})).code is ReasonCode.NO_POLICY_ALLOWS


def test_any_tool_and_property_name_is_legal() -> None:
    policy = (
        r'@id("p") permit(principal, action == Mcp::Action::"odd/we\"ird./-tool\\", resource)'
        r' when { context.arguments has "a\"b" && context.arguments["a\"b"] == "x" };'
    )
    assert decide(policy, call('odd/we"ird./-tool\\', {'a"b': "x"})).code is ReasonCode.ALLOWED


def test_an_argument_called_like_a_cedar_escape_never_becomes_an_entity() -> None:
    request = call('odd/we"ird./-tool\\', {"__entity": "x"})
    assert decide(PERMIT, request).code is ReasonCode.ALLOWED


def test_an_answer_that_depends_on_the_clock_holds_until_the_clock_can_change_it() -> None:
    clocked = ("/context/now",)
    assert decide(log('context.now < datetime("2026-07-28T13:00:00Z")')).holds == Holds(clocked, NOON + 3600)
    assert decide(log('context.now > datetime("2026-07-28T11:00:00Z")')).holds == Holds(clocked, math.inf)
    assert decide(log("context.now.toTime().toHours() < 18")).holds == Holds(clocked, NOON)
    assert decide(PERMIT).holds == Holds((), math.inf)


def test_obligations_of_determining_permits_are_given() -> None:
    with_obligation = '@id("o") @obligation("mask") permit(principal, action, resource);'
    assert decide(PERMIT + with_obligation).obligations == ("mask",)


MIXED = """
@id("p-eng") permit(principal in Mcp::Group::"corp|eng", action, resource in Mcp::Server::"git");
@id("p-now") permit(principal, action == Mcp::Action::"git/push", resource)
  when { context.now > datetime("2026-01-01") };
@id("f-free") forbid(principal in Mcp::Group::"corp|ops", action == Mcp::Action::"git/log", resource)
  when { context.arguments has free };
@id("f-agent") forbid(principal, action, resource)
  when { context has actor && context.actor == Mcp::Agent::"corp|bot" };
"""


def test_what_was_decided_before_changes_no_decision() -> None:
    groups: list[dict[str, Any]] = [{}, {"groups": ["corp|eng"]}, {"groups": ["corp|ops"]}, {"tenant": "corp|acme"}]
    asked = [
        call(tool, arguments, properties=properties, **context)
        for tool, arguments in (
            ("git/log", {"repo": "r"}),
            ("git/log", {"repo": "r", "free": {"a": 1}}),
            ("git/push", {}),
        )
        for properties in groups
        for context in ({}, {"actor": "corp|bot"}, {"actor": "corp|other"})
    ]
    alone = [decide(MIXED, request) for request in asked]
    shared = engine(MIXED)
    assert [shared.decide(request, now=NOON) for request in (*asked, *reversed(asked))] == [*alone, *reversed(alone)]
    assert len(set(alone)) > 5


def keeping(recording: str, *, key: str, effect: str = "permit", condition: str = "true") -> str:
    return f'@record("{recording}") {log(condition, effect=effect, key=key)}'


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (PERMIT, Recording.KEEP),
        (PERMIT + keeping("hash", key="h"), Recording.HASH),
        (keeping("keep", key="k") + keeping("hash", key="h") + keeping("drop", key="d"), Recording.DROP),
        (PERMIT + keeping("drop", key="d", condition="resource.pinned == false"), Recording.KEEP),
        (PERMIT + keeping("drop", key="d", effect="forbid"), Recording.DROP),
        (PERMIT + keeping("drop", key="d", effect="forbid") + keeping("hash", key="h"), Recording.DROP),
        (keeping("drop", key="d") + '@id("no") forbid(principal, action, resource);', Recording.KEEP),
    ],
)
def test_the_strictest_of_the_determining_policies_says_what_a_record_keeps(policies: str, expected: Recording) -> None:
    assert decide(policies).record is expected


def test_a_policy_that_fails_says_too_what_a_record_keeps() -> None:
    overflow = "(if resource.pinned then 9223372036854775807 else 0) + 1 > 0"
    assert decide(PERMIT + keeping("drop", key="d", condition=overflow)).record is Recording.DROP
    failing = keeping("hash", key="h", effect="forbid", condition=overflow)
    assert decide(PERMIT + failing).record is Recording.HASH
