from typing import Any

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import ConfigurationError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.evaluate import Decision, Engine
from tests.unit.engine.sample import NOON, call

TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"anyOf": [TEXT, TEXTS, {"type": "integer"}, {"type": "object"}, {"type": "null"}]},
        "mode": {"oneOf": [{"const": "fast"}, {"const": "safe"}]},
    },
}
CATALOG = Catalog([Tool(server="mail", name="send", pin="sha256:1", input_schema=SCHEMA)])


def decide(condition: str, arguments: dict[str, Any]) -> Decision:
    policy = f'@id("p") permit(principal, action == Mcp::Action::"mail/send", resource) when {{ {condition} }};'
    compiled = compile_policies({"a.cedar": policy.encode()}, catalog=CATALOG)
    return Engine(compiled, catalog=CATALOG).decide(call("mail/send", arguments), now=NOON)


@pytest.mark.parametrize(
    ("condition", "to", "code"),
    [
        ('context.arguments has to.string && context.arguments.to.string == "a"', "a", "allowed"),
        ('context.arguments has to.string && context.arguments.to.string == "a"', ["a"], "no_policy_allows"),
        ('context.arguments has to.string && context.arguments.to.string == "a"', None, "no_policy_allows"),
        ('context.arguments has to.string && context.arguments.to.string == "a"', 2**63, "no_policy_allows"),
        ('context.arguments has to.array && ["a", "b"].containsAll(context.arguments.to.array)', ["a"], "allowed"),
        ("context.arguments has to.integer && context.arguments.to.integer < 5", 4.0, "allowed"),
        ("context.arguments has to.integer", 2**63, "argument_not_representable"),
        ("context.arguments has to.object", {"any": 1}, "argument_not_representable"),
        ("context.arguments has to.object", "a", "no_policy_allows"),
        ("context.arguments has to", {"any": 1}, "allowed"),
        ("!(context.arguments has to)", None, "allowed"),
    ],
)
def test_a_policy_asks_which_type_a_value_has_before_it_reads_it(condition: str, to: object, code: str) -> None:
    assert decide(condition, {"to": to}).code == code


@pytest.mark.parametrize(
    "condition",
    [
        'context.arguments.to.string == "a"',
        'context.arguments has to && context.arguments.to.string == "a"',
        'context.arguments has to && context.arguments.to == "a"',
        "context.arguments has to.object && context.arguments.to.object.any == 1",
    ],
)
def test_a_union_that_is_read_without_asking_is_refused(condition: str) -> None:
    with pytest.raises(ConfigurationError):
        decide(condition, {})


def test_a_decision_by_the_type_of_a_value_varies_by_the_value() -> None:
    condition = 'context.arguments has to.string && context.arguments.to.string == "a"'
    assert decide(condition, {"to": "a"}).holds.vary == ("/context/arguments/to",)
    assert decide(condition, {"to": ["a"]}).holds.vary == ("/context/arguments/to",)


def test_a_choice_of_constants_is_a_string() -> None:
    condition = 'context.arguments has mode && context.arguments.mode == "safe"'
    assert decide(condition, {"mode": "safe"}).code is ReasonCode.ALLOWED
    assert decide(condition, {"mode": "fast"}).code is ReasonCode.NO_POLICY_ALLOWS
