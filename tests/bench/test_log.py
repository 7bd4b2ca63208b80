"""What the decision log costs the answers: `toolgate serve` without one, with a spooled and with a durable one.

Each answer is of a call that was never made before, by a caller without a credential, so the decision point records
it itself. A line with a log is under load for two minutes at a stretch, between two shorter stretches without; what
the spool has not handed to the store meanwhile is the writer's lag. In the end each answer has its record.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

import httpx
import pytest

from pdp.core.settings.decision_point import LogMode
from tests.bench.load import MARK, Job, Numbers, Tally
from tests.bench.programs import TOOLGATE, LoadGenerator, free_port, load_generator, running
from tests.bench.report import machine
from tests.bench.stores import bench_stores
from tests.database_servers import Server
from tests.flow.pdp_process import QUESTION, set_up

SECONDS: Final = float(os.environ.get("TOOLGATE_BENCH_LOG_SECONDS", "120"))
CONNECTIONS: Final = 32
WARMUP: Final = 2.0
DRAINED: Final = 300.0
"""Seconds after which what is not in the store counts as lost."""
LEAST: Final = {LogMode.SPOOLED: 0.75, LogMode.DURABLE: 0.60}
"""What is left of the answers a second without a log, at least."""


@dataclass(slots=True)
class Line:
    """What was measured with one store in one mode; times are seconds, sizes bytes."""

    store: str
    mode: LogMode
    without: tuple[Tally, Tally]
    tally: Tally
    lags: list[int]
    drained: float
    records: int
    size: int

    @property
    def ratio(self) -> float:
        """Answers a second, to those without a log just before and after."""
        return self.tally.rate / mean(tally.rate for tally in self.without)

    @property
    def verdict(self) -> str:
        """`met` or `missed`."""
        return "met" if self.ratio >= LEAST[self.mode] else "missed"


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_what_the_log_costs_the_answers(tmp_path: Path, root: Path, postgresql: Server) -> None:
    lines: list[Line] = []
    with contextlib.ExitStack() as stack:
        generator = stack.enter_context(load_generator())
        off = serving(stack, tmp_path / "off", root, module="tests.bench.unlogged_pdp")
        before = measured(generator, off, SECONDS / 6)
        for store in bench_stores(tmp_path, postgresql):
            for mode in LogMode:
                base = tmp_path / f"{store.name}-{mode}"
                with contextlib.ExitStack() as one:
                    port = serving(one, base, root, mode=mode, url=store.url(mode))
                    with watching(port) as lags:
                        tally = measured(generator, port, SECONDS)
                    drained = until_drained(port)
                after = measured(generator, off, SECONDS / 6)
                count, size = store.extent(mode)
                assert count == tally.answered, f"{store.name}, {mode}: {tally.answered} answers, {count} records"
                lines.append(Line(store.name, mode, (before, after), tally, lags, drained, count, size))
                before = after
    print(f"\n\n{SECONDS:g} s a line, {CONNECTIONS} connections, on {machine()}\n\n{table(lines)}")
    keep(root / "build" / "bench" / "log.json", lines)


def serving(
    stack: contextlib.ExitStack,
    base: Path,
    root: Path,
    *,
    module: str = TOOLGATE,
    mode: LogMode = LogMode.SPOOLED,
    url: str = "sqlite:///log.db",
) -> int:
    """The port of a decision point in `base`, whose log is at `url`."""
    port = free_port()
    base.mkdir()
    set_up(base, root=root, listen=f"127.0.0.1:{port}", mode=mode)
    config = base / "toolgate.yaml"
    config.write_text(config.read_text().replace("sqlite:///log.db", url))
    arguments = ("serve", "--config", str(config))
    stack.enter_context(running(module, *arguments, port=port, output=base / "serve.log"))
    return port


def measured(generator: LoadGenerator, port: int, seconds: float) -> Tally:
    body = json.dumps(QUESTION | {"context": {"arguments": {"repo_path": MARK.decode()}}}).encode()
    head = (
        f"POST /access/v1/evaluation HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    asked = Job(
        port,
        head.encode() + body,
        b'"decision":true',
        Numbers.FRESH,
        CONNECTIONS,
        warmup=WARMUP,
        seconds=seconds,
    )
    tally = generator.perform(asked)
    assert not tally.errors, f"{port}: {tally.errors}"
    return tally


@contextlib.contextmanager
def watching(port: int) -> Iterator[list[int]]:
    """The records that wait in the spool, asked every two seconds until the block ends."""
    lags: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(2.0):
            lags.append(waiting(port))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lags
    finally:
        done.set()
        thread.join()


def waiting(port: int) -> int:
    """How many records wait in the spool."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    return int(float(next(line.split()[1] for line in text.splitlines() if line.startswith("toolgate_spool_records "))))


def until_drained(port: int) -> float:
    """Seconds until the spool is empty."""
    began = time.monotonic()
    while waiting(port):
        assert time.monotonic() - began < DRAINED, "the spool is not emptied"
        time.sleep(0.05)
    return time.monotonic() - began


def table(lines: list[Line]) -> str:
    """All of it in Markdown."""
    rows = [
        "| store | mode | answers/s | p50 ms | p99 ms | answers/s to off | at least | | records waiting, median | most"
        " | s to empty | bytes a record |",
        "|---|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for line in lines:
        ordered = sorted(line.lags) or [0]
        rows.append(
            f"| {line.store} | {line.mode} | {line.tally.rate:.0f} | {1000 * line.tally.p50:.2f}"
            f" | {1000 * line.tally.p99:.2f} | {line.ratio:.2f} | {LEAST[line.mode]:.2f} | {line.verdict}"
            f" | {ordered[len(ordered) // 2]} | {ordered[-1]} | {line.drained:.1f} | {line.size / line.records:.0f} |"
        )
    off = [tally for line in lines for tally in line.without]
    rows += ["", f"Off: {mean(tally.rate for tally in off):.0f} answers/s, the generator {off[0].busy:.2f} of a core."]
    return "\n".join(rows)


def keep(path: Path, lines: list[Line]) -> None:
    """Write all that was measured to `path`."""
    document: dict[str, Any] = {
        "machine": machine(),
        "seconds": SECONDS,
        "lines": [
            {
                "store": line.store,
                "mode": line.mode,
                "ratio": line.ratio,
                "verdict": line.verdict,
                "rate": line.tally.rate,
                "p50": line.tally.p50,
                "p99": line.tally.p99,
                "off": [tally.rate for tally in line.without],
                "lags": line.lags,
                "drained": line.drained,
                "bytes_a_record": line.size / line.records,
            }
            for line in lines
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
