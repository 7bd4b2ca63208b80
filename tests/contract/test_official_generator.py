"""Our decisions are those in the official generator's world, for every tool of real servers that it takes."""

import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

import cedarpy
import pytest

from pdp.core.bundle.bundle import build
from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.cedar_text import quoted
from pdp.core.catalog.definitions.definition import Kind
from pdp.core.catalog.definitions.snapshot import read_snapshot
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import ArgumentsError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.checks.code import ACKNOWLEDGEABLE
from pdp.core.identity.access import call_request
from pdp.core.identity.principal import Principal, PrincipalType
from tests.contract.both_worlds import Pair, condition, places, same, sample
from tests.contract.official_world import ENTITIES, RECORDS, NotTakenError, OfficialTool
from tests.property.drawing import Draw, Seeded
from tests.snapshots import tool_path, tool_snapshot

ROOT = Path(__file__).resolve().parents[2]
INVENTORIES = (ROOT / "schemas", ROOT / "tests" / "data" / "inventories")
ROUNDS, REQUESTS = 4, 6
ACKNOWLEDGED = f'@acknowledge("{" ".join(sorted(ACKNOWLEDGEABLE))}")'
ALICE = Principal(PrincipalType.USER, "corp|alice")
NOW = 1_800_000_000.0


def inventory() -> dict[str, Tool]:
    """Every tool of real servers, once."""
    found = {}
    for folder in INVENTORIES:
        for path in sorted(folder.rglob("*.json")):
            read = read_snapshot(f"schemas/{path.relative_to(folder).as_posix()}", path.read_bytes())
            if read.kind is Kind.TOOL:
                found[read.id] = Tool(read.server, read.name, read.pin, dict(read.content["inputSchema"]))
    return found


TOOLS = inventory()


class Objects(StrEnum):
    """What an object is in the official world."""

    ENTITIES = "entities"
    RECORDS = "records"


CONFIGS = {Objects.ENTITIES: ENTITIES, Objects.RECORDS: RECORDS}


@cache
def decisions(tool_id: str, *, objects: Objects) -> Counter[str]:
    """How many requests both worlds decided alike, by decision; it fails where they differ."""
    known = TOOLS[tool_id]
    name = re.sub(r"\W", "_", known.name)
    tool = Tool("srv", name, "", known.input_schema)
    world = OfficialTool(name, tool.input_schema, config=CONFIGS[objects])
    counts: Counter[str] = Counter()
    for number in range(ROUNDS):
        draw = Seeded(hash_free_seed(tool_id, number))
        policies = [policy(tool, world, f"p{each}", draw) for each in range(4)]
        compared(tool, world, policies, draw, counts)
    return counts


def hash_free_seed(text: str, number: int) -> int:
    return int.from_bytes(text.encode()) * 1000 + number


def policy(tool: Tool, world: OfficialTool, name: str, draw: Draw) -> Pair:
    """A permit or forbid with up to two conditions."""
    exact, official = f"action == Mcp::Action::{quoted(tool.id)}", f'action == MCP::Action::"{tool.name}"'
    server = 'resource == MCP::McpServer::"s"'
    scopes = [
        Pair(f"{exact}, resource", f"{official}, resource"),
        Pair(f"{exact}, resource == Mcp::Tool::{quoted(tool.id)}", f"{official}, {server}"),
        Pair(
            'action in Mcp::Action::"tools/call", resource in Mcp::Server::"srv"',
            f'action in MCP::Action::"call_tool", {server}',
        ),
    ]
    head = draw.choice(scopes)
    reads = list(places(arguments_shape(tool.input_schema), world.arguments_type()))
    clauses = Pair("", "")
    for place in draw.some(reads, most=2) if head.ours.startswith(exact) else []:
        holds = same("(") + place.guard + " && " + condition(place, draw) + ")"
        clauses += same(f" {draw.choice(['when', 'when', 'unless'])} {{ ") + holds + " }"
    effect = draw.choice(["permit", "permit", "forbid"])
    principal = Pair('principal == Mcp::User::"corp|alice"', 'principal == MCP::User::"alice"')
    annotations = Pair(f'@id("{name}") {ACKNOWLEDGED}', f'@id("{name}")')
    return annotations + f" {effect}(" + principal + ", " + head + ")" + clauses + ";"


def compared(tool: Tool, world: OfficialTool, policies: list[Pair], draw: Draw, counts: Counter[str]) -> None:
    sources = {
        "policies/all.cedar": "\n".join(each.ours for each in policies).encode(),
        tool_path(tool.server, tool.name): tool_snapshot({"name": tool.name, "inputSchema": tool.input_schema}),
    }
    bundle = build(sources, max_age=1.0)
    approved = bundle.catalog.find(tool.id)
    assert approved is not None
    theirs = "\n".join(each.official for each in policies)
    assert [error.error for error in cedarpy.validate_policies(theirs, world.cedar).errors] == []
    for _ in range(REQUESTS):
        arguments = valid(approved, draw)
        asked = call_request(ALICE, tool=tool.id, pin=approved.pin, arguments=arguments, seen={})
        answer = bundle.evaluate(asked, now=NOW, decision_id="d").context.toolgate
        assert answer.reason_code in {
            ReasonCode.ALLOWED,
            ReasonCode.FORBIDDEN_BY_POLICY,
            ReasonCode.NO_POLICY_ALLOWS,
        }
        request, entities = world.request(arguments)
        official = cedarpy.is_authorized(request, theirs, entities, schema=world.cedar)
        names = official.diagnostics.id_annotations_by_reason
        assert official.diagnostics.errors == []
        verdict = "Allow" if answer.reason_code is ReasonCode.ALLOWED else "Deny"
        assert (verdict, sorted(answer.policies)) == (
            official.decision.value,
            sorted(names[reason] for reason in official.diagnostics.reasons),
        ), (arguments, policies)
        counts[verdict] += 1


def valid(tool: Tool, draw: Draw) -> JsonObject:
    """Arguments that the tool's schema takes."""
    checker, shape = ArgumentChecker(), arguments_shape(tool.input_schema)
    for _ in range(100):
        try:
            return checker.check(tool, sample(shape, draw))
        except ArgumentsError:
            continue
    raise AssertionError(f"no valid arguments for {tool.id}")


@pytest.mark.parametrize("objects", Objects)
@pytest.mark.parametrize("tool_id", TOOLS)
def test_a_tool_of_a_real_server_is_decided_alike_in_both_worlds(tool_id: str, objects: Objects) -> None:
    assert decisions(tool_id, objects=objects).total() == ROUNDS * REQUESTS >= 20


def test_the_comparison_sees_both_decisions() -> None:
    every: Counter[str] = Counter()
    for tool_id in TOOLS:
        every += decisions(tool_id, objects=Objects.RECORDS)
    assert min(every["Allow"], every["Deny"]) > every.total() / 5


def refusal(tool: Tool, config: Mapping[str, bool]) -> str | None:
    try:
        OfficialTool(tool.name, tool.input_schema, config=config)
    except NotTakenError as error:
        return str(error)
    return None


def test_the_official_generator_refuses_real_tools_for_their_names_alone(root: Path) -> None:
    refused = {tool_id for tool_id, tool in TOOLS.items() if refusal(tool, RECORDS) is not None}
    assert refused == {tool_id for tool_id, tool in TOOLS.items() if not tool.name.isidentifier()}
    text = (root / "docs" / "catalog-fidelity.md").read_text()
    assert f"Of their {len(TOOLS)} tools it refuses {len(refused)}, all for a `-` in the name" in text
    assert f"at least {ROUNDS * REQUESTS} generated calls" in text
