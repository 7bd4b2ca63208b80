"""Which scopes would have a denied call allowed."""

import pytest

from pdp.core.contract.reason_code import ReasonCode
from tests.unit.engine.sample import call, decide

READ = '@id("read") permit(principal, action, resource) when { context.scopes.contains("git:read") };'
BOTH = '@id("both") permit(principal, action, resource) when { context.scopes.containsAll(["b", "a"]) };'
EITHER = '@id("either") permit(principal, action, resource) when { context.scopes.containsAny(["x", "y"]) };'
FORBID = '@id("no") @message("ask for it") forbid(principal, action, resource) unless { context.scopes.contains("w") };'
LOG = 'permit(principal, action == Mcp::Action::"git/log", resource)'
LOG_BY_RISK = f'@id("risk") {LOG} when {{ context.scopes.contains(resource.risk) }};'
ALL = '@id("all") permit(principal, action, resource);'


@pytest.mark.parametrize(
    ("policies", "held", "needed", "text"),
    [
        (READ, (), ("git:read",), "the bearer token lacks the required scope `git:read`"),
        (READ, ("other",), ("git:read",), "the bearer token lacks the required scope `git:read`"),
        (BOTH, ("a",), ("a", "b"), "the bearer token lacks the required scope `b`"),
        (BOTH, (), ("a", "b"), "the bearer token lacks the required scopes `a`, `b`"),
        (EITHER, (), ("y",), "the bearer token lacks the required scope `y`"),
        (ALL + FORBID, (), ("w",), "the bearer token lacks the required scope `w`"),
        (READ + FORBID, ("git:read",), ("git:read", "w"), "the bearer token lacks the required scope `w`"),
    ],
)
def test_a_call_that_more_scopes_would_allow_names_all_that_it_needs(
    policies: str, held: tuple[str, ...], needed: tuple[str, ...], text: str
) -> None:
    decision = decide(policies, call(scopes=list(held)))
    assert (decision.code, decision.scopes, decision.message) == (ReasonCode.SCOPE_MISSING, needed, text)


def test_the_policies_that_deny_are_named_also_where_a_scope_would_help() -> None:
    assert decide(ALL + FORBID, call()).policies == ("no",)


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        (READ + '@id("never") forbid(principal, action, resource);', "forbidden_by_policy"),
        (READ.replace("{ ", '{ principal in Mcp::Group::"corp|none" && '), "no_policy_allows"),
        (LOG_BY_RISK, "no_policy_allows"),
        (READ + FORBID.replace("unless", "when").replace('"w"', '"git:read"'), "no_policy_allows"),
    ],
)
def test_where_no_scope_helps_the_policies_say_why(policies: str, code: str) -> None:
    decision = decide(policies, call())
    assert (decision.code, decision.scopes) == (code, ())


def test_a_scope_that_helps_only_alone_is_not_asked_for() -> None:
    """A client keeps the scopes it has, so asking for another one would not help it."""
    only = '@id("p") permit(principal, action, resource) when { context.scopes.contains("a") };'
    never = '@id("n") forbid(principal, action, resource) when { context.scopes.contains("b") };'
    assert decide(only + never, call(scopes=["b"])).code is ReasonCode.FORBIDDEN_BY_POLICY


def test_of_very_many_scopes_none_is_looked_for() -> None:
    """Each would cost an evaluation."""
    named = ", ".join(f'"s{number}"' for number in range(33))
    policy = f'@id("p") permit(principal, action, resource) when {{ context.scopes.containsAll([{named}]) }};'
    assert decide(policy, call()).code is ReasonCode.NO_POLICY_ALLOWS
    fewer = policy.replace(', "s32"', "")
    assert decide(fewer, call()).scopes == tuple(sorted(f"s{number}" for number in range(32)))


def test_an_answer_that_names_scopes_varies_by_what_the_policies_read() -> None:
    condition = 'context.scopes.contains("git:read") && context has session && context.session == "s"'
    policy = f'@id("p") permit(principal, action, resource) when {{ {condition} }};'
    denied, other = decide(policy, call(session="s")), decide(policy, call(session="t"))
    assert (denied.code, denied.holds.vary) == (ReasonCode.SCOPE_MISSING, ("/context/session",))
    assert (other.code, other.holds.vary) == (ReasonCode.NO_POLICY_ALLOWS, ("/context/session",))
