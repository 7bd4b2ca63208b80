"""What a catalog of 5,000 tools costs: generating its Cedar schema, starting with it, deciding under it."""

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.definitions.definition import Kind, definition_of
from pdp.core.catalog.definitions.snapshot import read_snapshot, snapshot_bytes, snapshot_path
from pdp.core.catalog.reading import read_catalog
from pdp.core.contract.authzen import DIGEST, Action, EvaluationRequest, EvaluationResponse, Resource, Subject
from pdp.core.engine import cedar
from tests.bench.comparison import Bound, Ceiling, compare, keep, table
from tests.bench.report import machine
from tests.flow.pdp_process import CONFIG, running

TOOLS: Final = 5_000
FEW: Final = 10
NOW: Final = 1_785_240_000.0
ROUNDS: Final = 5
_PER_SERVER: Final = 50
_CATALOG: Final = b"version: 1\n"
_POLICIES: Final = b"""
@id("all") permit (principal in Mcp::Group::"corp|q", action in Mcp::Action::"tools/call", resource);
@id("none") forbid (principal, action in Mcp::Action::"tools/call", resource in Mcp::Server::"s0")
when { context has arguments && context.arguments has path && context.arguments.path == "/" };
"""

GENERATE: Final = f"{TOOLS:,} snapshots to a catalog and its Cedar schema, which Cedar accepts"
START: Final = f"`toolgate serve` with {TOOLS:,} tools, until it is ready"
START_FEW: Final = f"`toolgate serve` with {FEW} tools, until it is ready"
WARM: Final = f"a decision, {FEW} tools"
WARM_MANY: Final = f"a decision, {TOOLS:,} tools"
COLD: Final = f"a decision, {FEW} tools, a principal never seen"
COLD_MANY: Final = f"a decision, {TOOLS:,} tools, a principal never seen"

WHOLE: Final = (
    Ceiling(f"generation for {TOOLS:,} tools under 5 s", GENERATE, 5.0),
    Ceiling(f"start with {TOOLS:,} tools under 10 s", START, 10.0),
)
DECISIONS: Final = (
    Bound(f"a decision among {TOOLS:,} tools, at most 1.1 times among {FEW} (warm)", WARM_MANY, WARM, 1.1),
    Bound(f"a decision among {TOOLS:,} tools, at most 1.1 times among {FEW} (cold)", COLD_MANY, COLD, 1.1),
)


def snapshots(root: Path, count: int) -> dict[str, bytes]:
    """Real tools, over and over, under as many names on servers of 50."""
    known = [
        read_snapshot(path.relative_to(root).as_posix(), path.read_bytes()).content
        for path in sorted((root / "schemas").glob("*/*.json"))
    ]
    found = {}
    for number, content in zip(range(count), itertools.cycle(known), strict=False):
        server, name = f"s{number // _PER_SERVER}", f"{content['name']}_{number}"
        definition = definition_of(Kind.TOOL, server=server, content={**content, "name": name})
        found[snapshot_path(Kind.TOOL, server=server, name=name)] = snapshot_bytes(definition)
    return found


def sources(root: Path, count: int) -> dict[str, bytes]:
    """All that a bundle of so many tools is made from."""
    return {"policies/a.cedar": _POLICIES, "policies/catalog.yaml": _CATALOG, **snapshots(root, count)}


def generate(written: dict[str, bytes]) -> Catalog:
    """From bytes to a Cedar schema that Cedar has taken."""
    catalog = read_catalog(_CATALOG, file="c", snapshots=written)
    cedar.schema(cedar_schema(catalog.tools()))
    return catalog


def call(bundle: Bundle, principal: str) -> EvaluationRequest:
    """A call of the first tool."""
    tool = bundle.catalog.find("s0/create_directory_0")
    assert tool is not None
    return EvaluationRequest(
        Subject("user", principal, {"groups": ["corp|q"], "roles": []}),
        Action("tools/call"),
        Resource("tool", tool.id, {DIGEST: tool.pin}),
        {"arguments": {"path": "/srv/a"}, "scopes": ["a"], "ip": "10.0.0.1"},
    )


def starts(base: Path) -> Callable[[], None]:
    """Start `toolgate serve` in `base`, and end it once it is ready."""

    def start() -> None:
        with running(base):
            pass

    return start


def place(base: Path, written: dict[str, bytes]) -> Path:
    """`written` as files below `base`, with a configuration."""
    for name, content in written.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (base / "toolgate.yaml").write_text(CONFIG.format(listen=json.dumps("127.0.0.1:0"), mode="spooled"))
    return base


@pytest.mark.bench
def test_what_a_large_catalog_costs(root: Path, tmp_path: Path) -> None:
    many = sources(root, TOOLS)
    read = {path: raw for path, raw in many.items() if path.startswith("schemas/")}
    assert len(list(generate(read).tools())) == TOOLS
    lines: dict[str, Callable[[], object]] = {
        GENERATE: lambda: generate(read),
        START: starts(place(tmp_path / "many", many)),
        START_FEW: starts(place(tmp_path / "few", sources(root, FEW))),
    }
    times: dict[str, list[float]] = {name: [] for name in lines}
    for number in range(ROUNDS):
        for name in lines if number % 2 == 0 else reversed(list(lines)):
            began = time.perf_counter()
            lines[name]()
            times[name].append(time.perf_counter() - began)
    print(f"\n\n{machine()}\n\n{table(times, WHOLE)}")
    keep(root / "build" / "bench" / "catalog.json", times, WHOLE)


@pytest.mark.bench
def test_what_a_decision_among_many_tools_costs(root: Path) -> None:
    few, many = (build(sources(root, count), max_age=1.0) for count in (FEW, TOOLS))
    numbers = itertools.count()

    def decides(bundle: Bundle) -> Callable[[], EvaluationResponse]:
        asked = call(bundle, "corp|alice")
        return lambda: bundle.evaluate(asked, now=NOW, decision_id="d")

    def meets(bundle: Bundle) -> Callable[[], EvaluationResponse]:
        return lambda: bundle.evaluate(call(bundle, f"corp|{next(numbers)}"), now=NOW, decision_id="d")

    lines: dict[str, Callable[[], Any]] = {
        WARM: decides(few),
        WARM_MANY: decides(many),
        COLD: meets(few),
        COLD_MANY: meets(many),
    }
    for name, line in lines.items():
        assert line().context.toolgate.policies == ["all"], name
    times = compare(lines)
    print(f"\n\n{machine()}\n\n{table(times, DECISIONS)}")
    keep(root / "build" / "bench" / "catalog_decisions.json", times, DECISIONS)
