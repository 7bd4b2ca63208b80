"""What a canary costs the answers: `toolgate serve` without one, with one on a tenth of the requests, and on all.

Each answer is of a call that was never made before, by an enforcer with its key. The canary's policies are other
bytes with the same answers, so that both sides have as much to do.
"""

import contextlib
import json
import os
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.location import open_reader
from pdp.core.settings.decision_point import LogSettings
from tests.bench.load import MARK, Job, Numbers, Tally
from tests.bench.programs import TOOLGATE, free_port, load_generator, running
from tests.bench.report import machine
from tests.flow.pdp_process import QUESTION, set_up
from tests.spools import wait_until_delivered

ROUNDS: Final = int(os.environ.get("TOOLGATE_BENCH_ROUNDS", "5"))
SECONDS: Final = float(os.environ.get("TOOLGATE_BENCH_SECONDS", "1.0"))
WARMUP: Final = 0.15
CONNECTIONS: Final = (1, 32)
WAYS: Final = {"off": None, "10 %": 10, "100 %": 100}

Cell = tuple[str, int]


@pytest.mark.bench
def test_what_a_canary_costs_the_answers(tmp_path: Path, root: Path) -> None:
    rounds: dict[Cell, list[Tally]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(load_generator())
        ports = {way: serving(stack, tmp_path / str(percent), percent, root) for way, percent in WAYS.items()}
        cells = [(way, connections) for connections in CONNECTIONS for way in WAYS]
        for number in range(ROUNDS):
            for way, connections in cells if number % 2 == 0 else reversed(cells):
                tally = generator.perform(job(ports[way], tmp_path / str(WAYS[way]), connections))
                assert not tally.errors, f"{way}: {tally.errors}"
                rounds[way, connections].append(tally)
    print(f"\n\n{ROUNDS} rounds of {SECONDS:g} s a line on {machine()}\n\n{table(rounds)}")
    for way, percent in WAYS.items():
        if percent is not None:
            answered = sum(tally.answered for (one, _), tallies in rounds.items() if one == way for tally in tallies)
            print(f"{way}: {answered} answers, {counts(tmp_path / str(percent))}")


def serving(stack: contextlib.ExitStack, base: Path, percent: int | None, root: Path) -> int:
    """The port of a decision point in `base`."""
    port = free_port()
    base.mkdir()
    set_up(base, root=root, listen=f"127.0.0.1:{port}")
    if percent is not None:
        policies = base / "next"
        policies.mkdir()
        (policies / "alice.cedar").write_text("// another\n" + (base / "policies" / "alice.cedar").read_text())
        canary = f"  bundles: {{canary: {{percent: {percent}, policies: next, schemas: schemas}}}}\n"
        config = base / "toolgate.yaml"
        config.write_text(config.read_text().replace("  reload_interval", f"{canary}  reload_interval"))
    arguments = ("serve", "--config", str(base / "toolgate.yaml"))
    stack.enter_context(running(TOOLGATE, *arguments, port=port, output=base / "serve.log"))
    return port


def job(port: int, base: Path, connections: int) -> Job:
    body = json.dumps(QUESTION | {"context": {"arguments": {"repo_path": MARK.decode()}}}).encode()
    head = (
        f"POST /access/v1/evaluation HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {(base / '.toolgate' / 'gateway.key').read_text().strip()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    expected = b'"decision":true'
    return Job(port, head.encode() + body, expected, Numbers.FRESH, connections, warmup=WARMUP, seconds=SECONDS)


def table(rounds: dict[Cell, list[Tally]]) -> str:
    lines = [
        "| canary | connections | answers/s | p50 ms | p99 ms | p50 to off | p99 to off | answers/s to off |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (way, connections), tallies in sorted(rounds.items(), key=lambda one: (one[0][1], list(WAYS).index(one[0][0]))):
        off = rounds["off", connections]
        ratios = [
            median(getattr(one, name) / getattr(base, name) for one, base in zip(tallies, off, strict=True))
            for name in ("p50", "p99", "rate")
        ]
        figures = [f"{median(one.rate for one in tallies):.0f}"]
        figures += [f"{1000 * median(getattr(one, name) for one in tallies):.2f}" for name in ("p50", "p99")]
        figures += ["" if way == "off" else f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| {way} | {connections} | {' | '.join(figures)} |")
    return "\n".join(lines)


def counts(base: Path) -> str:
    """What the log of a decision point that has ended says was compared."""
    wait_until_delivered(base)
    with contextlib.closing(open_reader(LogSettings(url="sqlite:///log.db"), base=base)) as reader:
        found = list(reader.comparisons(ComparisonQuery()))
    assert not any(one.incomparable or one.different for one in found)
    return f"{sum(one.compared for one in found)} compared, {sum(one.skipped for one in found)} skipped"
