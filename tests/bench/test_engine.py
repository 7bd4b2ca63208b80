"""What a decision costs in process, beside what Cedar alone costs for the same slice, and as policies grow."""

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import cedarpy
import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.closure import action_entities, defined, principal_entities, tool_entities
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.evaluate import Decision, Engine
from pdp.core.engine.request import read_access
from pdp.core.identity.builtin import BUILT_IN
from tests.bench.comparison import Bound, compare, keep, table
from tests.bench.report import machine

NOW: Final = 1_785_240_000.0
MANY: Final = 10_000
PRINCIPALS: Final = 100_000
SLICE: Final = 10

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "repo": {"type": "string"},
        "count": {"type": "integer"},
        "title": {"type": "string"},
        "labels": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["repo"],
}
CATALOG: Final = Catalog(
    Tool(server=f"s{server}", name=f"t{tool}", pin=f"sha256:{server}/{tool}", input_schema=_SCHEMA)
    for server in range(20)
    for tool in range(10)
)
_ARGUMENTS: Final = {"repo": "r5", "count": 17, "title": "hello world", "labels": ["a", "b"]}


def request(principal: str = "corp|alice") -> EvaluationRequest:
    return EvaluationRequest(
        Subject("user", principal, {"groups": ["corp|q", "corp|x", "corp|y"], "roles": ["corp|dev"]}),
        Action("tools/call"),
        Resource("tool", "s3/t3"),
        {"arguments": _ARGUMENTS, "scopes": ["a", "b"], "ip": "10.0.0.1", "session": "s", "transport": "http"},
    )


def policies(others: int) -> str:
    """`SLICE` policies that match the request and as many `others`, each for a group of its own."""
    matching = (
        f'@id("q{n}") {"permit" if n else "forbid"}(principal in Mcp::Group::"corp|q",'
        ' action in Mcp::Action::"tools/call", resource in Mcp::Server::"s3")'
        f' when {{ context.arguments.repo == "r{n}" && context.arguments has count && context.arguments.count > {n} }};'
        for n in range(SLICE)
    )
    rest = (
        f'@id("p{n}") permit(principal in Mcp::Group::"corp|g{n}",'
        f' action == Mcp::Action::"s{n % 20}/t{n // 20 % 10}", resource)'
        f' when {{ context.scopes.contains("r{n}") && resource.readOnly }};'
        for n in range(others)
    )
    return "\n".join((*matching, *rest))


def engine(others: int) -> Engine:
    return Engine(compile_policies({"policies/a.cedar": policies(others).encode()}, catalog=CATALOG), catalog=CATALOG)


class Bare:
    """cedarpy by itself: handles made once, the request in Cedar's own form."""

    def __init__(self, text: str, context: Mapping[str, Any]) -> None:
        access, tool = read_access(request(), mapping=BUILT_IN), CATALOG.find("s3/t3")
        assert tool is not None
        known = defined((*principal_entities(access), *action_entities(tool), *tool_entities(tool)))
        self._policies = cedarpy.PolicySet.from_str(text)
        self._entities = cedarpy.Entities.from_json_str(json.dumps([one.as_json() for one in known.values()]))
        self._request = {
            "principal": {"type": "Mcp::User", "id": "corp|alice"},
            "action": {"type": "Mcp::Action", "id": "s3/t3"},
            "resource": {"type": "Mcp::Tool", "id": "s3/t3"},
            "context": dict(context),
        }

    def __call__(self) -> cedarpy.AuthzResult:
        return cedarpy.is_authorized(self._request, self._policies, self._entities)


_CONTEXT: Final = {
    "arguments": _ARGUMENTS,
    "scopes": ["a", "b"],
    "ip": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
    "session": "s",
    "transport": "http",
    "now": {"__extn": {"fn": "datetime", "arg": "2026-07-28T12:00:00.000Z"}},
}
_READ: Final = {"arguments": {"repo": "r5", "count": 17}}

BARE: Final = "cedarpy alone, the slice's 10 policies"
BARE_READ: Final = "cedarpy alone, given only what they read"
BARE_MANY: Final = f"cedarpy alone, {MANY} policies"
WARM: Final = "decide, 10 policies"
WARM_MANY: Final = f"decide, {MANY} policies, the same slice"
COLD: Final = "decide, 10 policies, a principal never seen"
COLD_MANY: Final = f"decide, {MANY} policies, a principal never seen"
AFTER_MANY: Final = f"decide, after {PRINCIPALS} principals, {MANY} groups named"

TARGETS: Final = (
    Bound("warm decision, at most 1.5 times cedarpy alone", WARM, BARE, 1.5),
    Bound(f"{MANY} policies, at most 1.3 times 10 (warm)", WARM_MANY, WARM, 1.3),
    Bound(f"{MANY} policies, at most 1.3 times 10 (cold)", COLD_MANY, COLD, 1.3),
    Bound(f"{PRINCIPALS} principals and {MANY} groups, at most 1.3 times without", AFTER_MANY, WARM, 1.3),
)


@pytest.mark.bench
def test_what_a_decision_costs(root: Path) -> None:
    few, many, crowded = engine(0), engine(MANY), engine(MANY)
    numbers = itertools.count()
    for _ in range(PRINCIPALS):
        crowded.decide(request(f"corp|{next(numbers)}"), now=NOW)

    def decides(which: Engine) -> Callable[[], Decision]:
        asked = request()
        return lambda: which.decide(asked, now=NOW)

    def meets(which: Engine) -> Callable[[], Decision]:
        return lambda: which.decide(request(f"corp|{next(numbers)}"), now=NOW)

    lines: dict[str, Callable[[], Any]] = {
        BARE: Bare(policies(0), _CONTEXT),
        BARE_READ: Bare(policies(0), _READ),
        BARE_MANY: Bare(policies(MANY), _CONTEXT),
        WARM: decides(few),
        WARM_MANY: decides(many),
        COLD: meets(few),
        COLD_MANY: meets(many),
        AFTER_MANY: decides(crowded),
    }
    for name in (WARM, WARM_MANY, COLD, COLD_MANY, AFTER_MANY):
        assert (lines[name]().code, lines[name]().policies) == (ReasonCode.ALLOWED, ("q5",)), name
    for name in (BARE, BARE_READ, BARE_MANY):
        assert lines[name]().allowed, name
    times = compare(lines)
    print(f"\n\n{machine()}\n\n{table(times, TARGETS)}")
    keep(root / "build" / "bench" / "engine.json", times, TARGETS)
