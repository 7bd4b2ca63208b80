"""How long many policies over many tools take to compile, first and after a change, and how much memory."""

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.engine import cedar
from pdp.core.engine.compile import CompiledPolicies, Progress, Step, compile_policies
from tests.bench.comparison import Ceiling, keep, verdict
from tests.bench.report import machine

ROUNDS: Final = 5
_WHOLE: Final = 3
_TYPES: Final = ("string", "integer", "boolean")


def catalog(tools: int) -> Catalog:
    """Servers of 20 tools, with up to seven arguments each; the same name has another type elsewhere."""
    return Catalog(
        Tool(
            server=f"s{number // 20}",
            name=f"t{number}",
            pin="sha256:0",
            marks={"path": Mark.PATH},
            input_schema={
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    **{f"a{n}": {"type": _TYPES[(n + number // 50) % 3]} for n in range(number % 7)},
                },
                "required": ["path"],
            },
        )
        for number in range(tools)
    )


def policies(count: int, *, tools: int) -> list[str]:
    """A mix: broad ones without and with arguments, exact ones, lists of actions."""
    ids = [f"s{number // 20}/t{number}" for number in range(tools)]
    found = []
    for number in range(count):
        one, two, three = (ids[(number * step) % tools] for step in (7, 11, 13))
        action = 'action in Mcp::Action::"tools/call"'
        rest = (
            f'permit (who, {action}, resource in Mcp::Server::"{one.partition("/")[0]}")'
            f' when {{ context.scopes.contains("x{number}") }};',
            f'permit (who, action == Mcp::Action::"{one}", resource)'
            f' when {{ context.arguments.path like "x{number}/*" }};',
            f'forbid (who, {action}, resource) when {{ context.arguments.path == "a{number}" }};',
            f'forbid (who, action in [Mcp::Action::"{one}", Mcp::Action::"{two}", Mcp::Action::"{three}"], resource)'
            f' unless {{ context.arguments.path like "x{number}/*" || resource.readOnly }};',
            f"permit (who, {action}, resource) when {{ context has ip && context.ip.isLoopback() }};",
        )[number % 5]
        found.append(f'@id("p{number}") ' + rest.replace("who", f'principal in Mcp::Group::"corp|g{number}"'))
    return found


class Case:
    """So many policies over so many tools."""

    def __init__(self, count: int, *, tools: int) -> None:
        self.name = f"{count:,} policies, {tools:,} tools"
        self.catalog = catalog(tools)
        self._texts = policies(count, tools=tools)
        self.told: dict[Step, Progress] = {}

    def compile(self, *, previous: CompiledPolicies | None = None, changed: int = 0) -> CompiledPolicies:
        """Compile, the first `changed` of the policies otherwise than before."""
        texts = [text.replace("corp|g", "corp|h") for text in self._texts[:changed]] + self._texts[changed:]
        sources = {"policies/a.cedar": "\n".join(texts).encode()}
        return compile_policies(sources, catalog=self.catalog, previous=previous, progress=self._hear)

    def whole_schema(self) -> None:
        """Validate a few broad policies against every action at once, as Cedar does by itself."""
        schema = cedar.schema(cedar_schema(self.catalog.tools()))
        assert cedar.validate(self._texts[0 : 5 * _WHOLE : 5], schema) == []

    def _hear(self, progress: Progress) -> None:
        self.told[progress.step] = progress


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def peak_megabytes(call: Callable[[], object]) -> float:
    """What Python allocates at most at a time; what Cedar allocates is not counted."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.bench
def test_what_compiling_costs(root: Path) -> None:
    cases = (Case(10_000, tools=200), Case(500, tools=5_000))
    lines: dict[str, Callable[[], Any]] = {}
    for case in cases:
        compiled = case.compile()
        count = len(compiled.policies)
        assert (compiled.warnings, case.told[Step.VALIDATE].done) == ((), count)
        lines[case.name] = case.compile
        lines[f"{case.name}, nothing changed"] = partial(case.compile, previous=compiled)
        lines[f"{case.name}, 10 changed"] = partial(case.compile, previous=compiled, changed=10)
    lines[f"{_WHOLE} of them validated against all 5,000 actions"] = cases[1].whole_schema
    targets = [Ceiling(f"{case.name}, at most 10 s", case.name, 10.0) for case in cases]
    times: dict[str, list[float]] = {name: [] for name in lines}
    for number in range(ROUNDS):
        for name in lines if number % 2 == 0 else reversed(list(lines)):
            times[name].append(seconds(lines[name]))
    memory = {case.name: peak_megabytes(case.compile) for case in cases}
    rows = [
        f"| {name} | {median(figures):.2f} | {f'{memory[name]:.0f}' if name in memory else ''} |"
        for name, figures in times.items()
    ]
    print(f"\n\n{machine()}\n\n| what | s | peak MB |\n|---|---:|---:|", *rows, sep="\n")
    print("\n| target | of what it may take | |\n|---|---:|---|")
    print("\n".join(f"| {one.name} | {one.measured(times):.2f} | {verdict(one, times)} |" for one in targets))
    keep(root / "build" / "bench" / "compile.json", times, targets)
