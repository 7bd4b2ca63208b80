"""One call through the gateway with enforcement, through the bare gateway, and direct.

Rounds are interleaved, so that whatever else the machine does meets every line alike. Nothing here asserts
a time; what is asserted is that every call was answered well and that enforcement took place.
"""

import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from pdp.core.settings.decision_point import LogMode
from tests.bench.figures import Cell, Way
from tests.bench.load import MARK, Job, Numbers, Tally
from tests.bench.programs import LoadGenerator, free_port, load_generator, running
from tests.bench.report import keep, machine, table
from tests.bench.scene import TOOL, Scene, call_request, expected_text, set_scene

ROUNDS: Final = int(os.environ.get("TOOLGATE_BENCH_ROUNDS", "5"))
SECONDS: Final = float(os.environ.get("TOOLGATE_BENCH_SECONDS", "1.0"))
WARMUP: Final = 0.15
CONNECTIONS: Final = (1, 32)
ANSWER_BYTES: Final = 400

FRESH: Final = frozenset({Way.EMBEDDED_FRESH, Way.REMOTE_FRESH})
LOGS: Final = {
    "embedded": (Way.EMBEDDED, Way.EMBEDDED_FRESH),
    "durable": (Way.DURABLE,),
    "remote": (Way.REMOTE, Way.REMOTE_FRESH),
}

Tallies = defaultdict[Cell, list[Tally]]


@pytest.mark.bench
def test_what_the_gateway_costs(tmp_path: Path, root: Path) -> None:
    rounds: Tallies = defaultdict(list)
    ceiling: dict[int, list[Tally]] = defaultdict(list)
    with set_scene(tmp_path) as scene, contextlib.ExitStack() as stack:
        gateways = open_gateways(scene, stack)
        generator = stack.enter_context(load_generator())
        trivial, module = free_port(), "tests.bench.trivial_responder"
        arguments = (str(trivial), str(ANSWER_BYTES))
        stack.enter_context(running(module, *arguments, port=trivial, output=tmp_path / "trivial.log"))
        cells = [Cell(u, w, c) for c in CONNECTIONS for u in scene.upstreams for w in Way]
        for number in range(ROUNDS):
            for connections in CONNECTIONS:
                ceiling[connections].append(measured(generator, trivial_job(trivial, connections), "trivial"))
            for cell in cells if number % 2 == 0 else reversed(cells):
                rounds[cell].append(measured(generator, job(cell, scene, gateways), str(cell)))
        calls = sum(check_records(name, ways, scene, rounds) for name, ways in LOGS.items())
    print(f"\n\n{ROUNDS} rounds of {SECONDS:g} s a line on {machine()}\n\n{table(rounds, ceiling)}")
    print(f"Each of {calls} enforced calls has its decision and its outcome in the log.")
    keep(root / "build" / "bench" / "gateway.json", rounds, ceiling)


def open_gateways(scene: Scene, stack: contextlib.ExitStack) -> Mapping[Way, int]:
    """The port of each gateway."""
    embedded = stack.enter_context(scene.gateway("embedded"))
    remote = stack.enter_context(scene.gateway("remote", pdp=free_port()))
    return {
        Way.PASS_THROUGH: stack.enter_context(scene.gateway("pass-through", module="tests.bench.pass_through")),
        Way.EMBEDDED: embedded,
        Way.EMBEDDED_FRESH: embedded,
        Way.DURABLE: stack.enter_context(scene.gateway("durable", mode=LogMode.DURABLE)),
        Way.REMOTE: remote,
        Way.REMOTE_FRESH: remote,
    }


def job(cell: Cell, scene: Scene, gateways: Mapping[Way, int]) -> Job:
    is_direct = cell.way is Way.DIRECT
    port = scene.upstreams[cell.upstream] if is_direct else gateways[cell.way]
    tool = TOOL if is_direct else f"{cell.upstream}__{TOOL}"
    return Job(
        port=port,
        request=call_request(port, tool=tool, token=None if is_direct else scene.token),
        expected=expected_text(),
        numbers=Numbers.FRESH if cell.way in FRESH else Numbers.SAME,
        connections=cell.connections,
        warmup=WARMUP,
        seconds=SECONDS,
    )


def trivial_job(port: int, connections: int) -> Job:
    """As large a call as any other, to the trivial responder."""
    request = call_request(port, tool=f"lean__{TOOL}", token="t" * 400)
    return Job(port, request, MARK, Numbers.SAME, connections, warmup=WARMUP, seconds=SECONDS / 2)


def measured(generator: LoadGenerator, asked: Job, what: str) -> Tally:
    tally = generator.perform(asked)
    assert not tally.errors, f"{what}: {tally.errors}"
    return tally


def check_records(name: str, ways: tuple[Way, ...], scene: Scene, rounds: Tallies) -> int:
    """How many calls were enforced: each has its records, and was decided from the cache where that is said."""
    sent: Counter[bool] = Counter()
    for cell, tallies in rounds.items():
        if cell.way in ways:
            sent[cell.way in FRESH] += sum(tally.answered for tally in tallies)
    records = scene.records(name)
    assert records.answered == records.cached + records.decided == sent.total()
    assert records.others == 0
    assert records.decided >= sent[True]
    assert records.cached > sent[False] / 2
    return sent.total()
