"""What a list of 1,000 tools costs under 1,000 policies: for somebody never seen, and for one who asks again."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.authzen import OFFERED, Action, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.engine.compile import CompiledPolicies, compile_policies
from pdp.core.engine.residual.listing import Listing
from tests.bench.comparison import ROUNDS, Ceiling, compare, keep, table
from tests.bench.report import machine

TOOLS: Final = 1000
POLICIES: Final = 1000
NOW: Final = 1_785_240_000.0
COLD_SECONDS: Final = 0.1
WARM_SECONDS: Final = 0.002
_CALL: Final = 'Mcp::Action::"tools/call"'

CATALOG: Final = Catalog(
    Tool(
        server=f"s{number // 50}",
        name=f"t{number}",
        pin=f"sha256:{number}",
        marks={"path": Mark.PATH},
        input_schema={
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "count": {"type": "integer"},
                "mode": {"enum": ["a", "b"]},
                f"x{number % 7}": {"type": "string"},
                "free": {"type": "object"},
            },
            "required": ["path"],
        },
    )
    for number in range(TOOLS)
)


def one_each(number: int) -> str:
    """A permit for one tool, that looks at an argument."""
    return (
        f'@id("p{number}") permit(principal in Mcp::Group::"corp|g{number % 10}",'
        f' action == Mcp::Action::"s{number // 50}/t{number}", resource)'
        f' when {{ context.arguments.path like "/srv/{number}/*" && context.arguments.path != "/srv/{number}/x" }};'
    )


def broad(number: int) -> str:
    """Permits and forbids for servers, that look at an argument."""
    head = f'action in {_CALL}, resource in Mcp::Server::"s{number % 20}"'
    if number % 3 == 0:
        return f'@id("p{number}") forbid(principal, {head}) when {{ context.arguments.path like "/etc/{number}/*" }};'
    return (
        f'@id("p{number}") permit(principal in Mcp::Group::"corp|g{number % 10}", {head})'
        f' when {{ context.scopes.contains("x{number % 50}") && context.arguments.path like "/srv/{number}/*" }};'
    )


def mixed(number: int) -> str:
    """Some for every call, some for servers by the time of day, most for one tool."""
    if number % 10 == 0:
        condition = f'resource.destructive && context.scopes.contains("bad{number}")'
        return f'@id("p{number}") forbid(principal, action in {_CALL}, resource) when {{ {condition} }};'
    if number % 10 < 4:
        return (
            f'@id("p{number}") permit(principal in Mcp::Group::"corp|g{number % 7}", action in {_CALL},'
            f' resource in Mcp::Server::"s{number % 20}")'
            f' when {{ context.now < datetime("2027-01-0{number % 9 + 1}") }};'
        )
    return one_each(number)[:-1] + f" unless {{ context.arguments has count && context.arguments.count > {number} }};"


SETS: Final[dict[str, Callable[[int], str]]] = {"one tool each": one_each, "servers": broad, "mixed": mixed}
TARGETS: Final = tuple(
    target
    for name in SETS
    for target in (
        Ceiling(
            f"list, {name}, first of a bundle: under 100 ms, as a share", f"{name}, first of a bundle", COLD_SECONDS
        ),
        Ceiling(f"list, {name}, cold: under 100 ms, as a share", f"{name}, cold", COLD_SECONDS),
        Ceiling(f"list, {name}, warm: under 2 ms, as a share", f"{name}, warm", WARM_SECONDS),
    )
)


def request(principal: str) -> ResourceSearchRequest:
    """What an enforcer asks whose tools are all as approved."""
    return ResourceSearchRequest(
        Subject("user", principal, {"groups": ["corp|g1", "corp|g2", "corp|g3"]}),
        Action("tools/call"),
        ResourceKind("tool", {OFFERED: {}}),
        {"scopes": [f"x{number}" for number in range(10)], "session": "s"},
    )


Line = Callable[[], list[str]]


def lines_of(name: str, compiled: CompiledPolicies, numbers: Iterator[int]) -> dict[str, Line]:
    listing = Listing(compiled, catalog=CATALOG)

    def cold() -> list[str]:
        return listing.visible(request(f"corp|{next(numbers)}"), now=NOW)

    def warm() -> list[str]:
        return listing.visible(request("corp|same"), now=NOW)

    return {f"{name}, cold": cold, f"{name}, warm": warm}


def first(compiled: CompiledPolicies) -> float:
    """How many seconds the first list takes after a bundle was taken into use."""
    listing = Listing(compiled, catalog=CATALOG)
    began = time.perf_counter()
    listing.visible(request("corp|first"), now=NOW)
    return time.perf_counter() - began


@pytest.mark.bench
def test_what_a_list_costs(root: Path) -> None:
    numbers = itertools.count()
    lines: dict[str, Line] = {}
    firsts: dict[str, list[float]] = {}
    for name, policy in SETS.items():
        text = "\n".join(policy(number) for number in range(POLICIES))
        compiled = compile_policies({"policies/a.cedar": text.encode()}, catalog=CATALOG)
        own = lines_of(name, compiled, numbers)
        (shown,) = {tuple(line()) for line in own.values()}
        assert 0 < len(shown) < TOOLS
        lines |= own
        firsts[f"{name}, first of a bundle"] = [first(compiled) for _ in range(ROUNDS)]
    times = firsts | compare(lines)
    print(f"\n\n{TOOLS} tools, {POLICIES} policies, {machine()}\n\n{table(times, TARGETS)}")
    keep(root / "build" / "bench" / "listing.json", times, TARGETS)
