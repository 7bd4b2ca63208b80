from typing import Any

import msgspec
import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark
from pdp.core.contract.authzen import EvaluationRequest
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.evaluate import Engine, Explanation
from pdp.core.engine.explain import (
    ConditionPart,
    ExplainedClause,
    ExplainedPolicy,
    Outcome,
    ReadPlace,
    SliceExplained,
    State,
    Values,
)
from pdp.core.engine.expression.situation import Truth
from tests.unit.engine.sample import CATALOG, NOON, call, engine

POLICIES = """
@id("reads") permit(principal in Mcp::Group::"corp|eng", action == Mcp::Action::"git/log", resource)
  when { resource.readOnly && context.arguments.repo == "r" }
  unless { context has ip };

@id("big") forbid(principal, action == Mcp::Action::"git/log", resource)
  when { context.arguments has count
         && context.arguments.count > 10 };
@id("sum") forbid(principal, action == Mcp::Action::"git/log", resource)
  when { context.arguments has count && context.arguments.count + 9223372036854775807 > 0 };
@id("pushes") permit(principal, action == Mcp::Action::"git/push", resource);
"""


def _explain(request: EvaluationRequest, *, values: Values = Values.SHOWN, policies: str = POLICIES) -> Explanation:
    return engine(policies).explain(request, now=NOON, values=values)


def _slice(explanation: Explanation) -> SliceExplained:
    assert explanation.slice is not None
    return explanation.slice


def _policy(explanation: Explanation, key: str) -> ExplainedPolicy:
    (found,) = (policy for policy in _slice(explanation).policies if policy.id == key)
    return found


ENGINEER: dict[str, Any] = {"groups": ["corp|eng"]}


def test_a_slice_has_the_policies_that_can_match_and_no_others() -> None:
    assert [policy.id for policy in _slice(_explain(call())).policies] == ["big", "sum"]
    assert [policy.id for policy in _slice(_explain(call(properties=ENGINEER))).policies] == ["big", "reads", "sum"]
    assert [policy.id for policy in _slice(_explain(call("git/push", {}))).policies] == ["pushes"]


def test_the_condition_that_failed_is_told_with_its_place_and_what_it_read() -> None:
    explanation = _explain(call(arguments={"repo": "x"}, properties=ENGINEER))
    assert explanation.decision.code is ReasonCode.NO_POLICY_ALLOWS
    assert _policy(explanation, "reads") == ExplainedPolicy(
        "reads",
        "permit",
        Outcome.DOES_NOT_APPLY,
        "policies/a.cedar",
        2,
        (
            ExplainedClause(
                "when",
                Truth.FALSE,
                (
                    ConditionPart("resource.readOnly", 3, Truth.TRUE, ()),
                    ConditionPart(
                        'context.arguments.repo == "r"',
                        3,
                        Truth.FALSE,
                        (ReadPlace("context.arguments.repo", State.VALUE, "x"),),
                    ),
                ),
            ),
            ExplainedClause(
                "unless",
                None,
                (ConditionPart("context has ip", 4, None, (ReadPlace("context.ip", State.ABSENT),)),),
            ),
        ),
    )


def test_an_unless_that_holds_is_why_a_permit_does_not_apply() -> None:
    explained = _policy(_explain(call(properties=ENGINEER, ip="10.0.0.1")), "reads")
    assert explained.outcome is Outcome.DOES_NOT_APPLY
    assert [(clause.kind, clause.result) for clause in explained.clauses] == [
        ("when", Truth.TRUE),
        ("unless", Truth.FALSE),
    ]
    assert explained.clauses[1].parts[0].result is Truth.TRUE


def test_a_policy_that_fails_to_evaluate_shows_the_part_that_failed() -> None:
    explanation = _explain(call(arguments={"repo": "r", "count": 3}))
    assert explanation.decision.code is ReasonCode.POLICY_ERROR
    failed = _policy(explanation, "sum")
    assert failed.outcome is Outcome.FAILS
    assert [part.result for part in failed.clauses[0].parts] == [Truth.TRUE, Truth.ERROR]
    assert _policy(explanation, "big").outcome is Outcome.DOES_NOT_APPLY


def test_what_cedar_cannot_hold_is_told_and_nothing_of_it_evaluated() -> None:
    explanation = _explain(call(arguments={"repo": "r", "count": 2**63}, properties=ENGINEER))
    assert explanation.decision.code is ReasonCode.ARGUMENT_NOT_REPRESENTABLE
    big = _policy(explanation, "big")
    assert (big.outcome, big.clauses[0].result) == (Outcome.NOT_REPRESENTABLE, None)
    assert [part.result for part in big.clauses[0].parts] == [None, None]
    assert big.clauses[0].parts[1].reads == (ReadPlace("context.arguments.count", State.NOT_REPRESENTABLE),)
    assert _policy(explanation, "reads").outcome is Outcome.APPLIES


def test_values_are_masked_unless_they_are_asked_for() -> None:
    request = call(arguments={"repo": "s3cret", "count": 7}, properties=ENGINEER, session="s3cret")
    masked = msgspec.json.encode(_explain(request, values=Values.MASKED).slice)
    assert b"s3cret" not in masked
    assert b"s3cret" in msgspec.json.encode(_explain(request, values=Values.SHOWN).slice)


@pytest.mark.parametrize("condition", ['context.arguments.repo == "r"', "context.arguments == context.arguments"])
def test_what_is_marked_secret_is_never_shown(condition: str) -> None:
    tools = [
        msgspec.structs.replace(tool, marks={"repo": Mark.SECRET}) for tool in CATALOG.tools() if tool.id == "git/log"
    ]
    catalog = Catalog(tools)
    policy = f'@id("p") permit(principal, action == Mcp::Action::"git/log", resource) when {{ {condition} }};'
    compiled = compile_policies({"policies/a.cedar": policy.encode()}, catalog=catalog)
    explanation = Engine(compiled, catalog=catalog).explain(
        call(arguments={"repo": "s3cret"}), now=NOON, values=Values.SHOWN
    )
    assert b"s3cret" not in msgspec.json.encode(explanation.slice)
    assert _policy(explanation, "p").clauses[0].parts[0].reads[0].state is State.MASKED


def test_entities_come_with_their_parents() -> None:
    entities = {one.entity: one.parents for one in _slice(_explain(call("git/push", {}, properties=ENGINEER))).entities}
    assert entities == {
        'Mcp::User::"corp|alice"': ('Mcp::Group::"corp|eng"',),
        'Mcp::Group::"corp|eng"': (),
        'Mcp::Action::"git/push"': ('Mcp::Action::"tools/call"',),
        'Mcp::Action::"tools/call"': (),
        'Mcp::Tool::"git/push"': ('Mcp::Server::"git"',),
        'Mcp::Server::"git"': ('Mcp::Tenant::"corp|acme"',),
        'Mcp::Tenant::"corp|acme"': (),
    }


def test_a_request_that_is_refused_has_no_slice() -> None:
    explanation = _explain(call("git/unknown"))
    assert (explanation.decision.code, explanation.slice) == (ReasonCode.TOOL_UNKNOWN, None)
