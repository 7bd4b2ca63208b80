"""The report: a table to read, JSON to keep."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.figures import TARGETS, Cell, Rounds, Way, p50, p99, rate, ratio, typical
from tests.bench.load import Tally


def table(rounds: Rounds, ceiling: Mapping[int, Sequence[Tally]]) -> str:
    """Everything in Markdown: figures, ratios, targets, what the load generator could have done."""
    lines = [
        "| upstream | way | connections | calls/s | p50 ms | p99 ms | calls/s to direct | calls/s to pass-through"
        " | p50 to pass-through |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_line(rounds, cell) for cell in sorted(rounds, key=_order)),
        "",
        "| target | measured | |",
        "|---|---:|---|",
        *(f"| {target.name} | {target.measured(rounds):.2f} | {target.verdict(rounds)} |" for target in TARGETS),
        "",
        *(_headroom(rounds, connections, tallies) for connections, tallies in sorted(ceiling.items())),
    ]
    return "\n".join(lines)


def keep(path: Path, rounds: Rounds, ceiling: Mapping[int, Sequence[Tally]]) -> None:
    """Write all that was measured to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_document(rounds, ceiling), indent=1) + "\n")


def machine() -> str:
    """What the figures were measured on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _document(rounds: Rounds, ceiling: Mapping[int, Sequence[Tally]]) -> dict[str, Any]:
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "targets": [
            {"name": t.name, "bound": t.bound, "measured": t.measured(rounds), "verdict": t.verdict(rounds)}
            for t in TARGETS
        ],
        "cells": [_cell(rounds, cell) for cell in sorted(rounds, key=_order)],
        "ceiling": [
            {"connections": connections, "rounds": [_tally(tally) for tally in tallies]}
            for connections, tallies in sorted(ceiling.items())
        ],
    }


def _cell(rounds: Rounds, cell: Cell) -> dict[str, Any]:
    ratios = {
        f"{name}_to_{to.name.lower()}": ratio(rounds, cell, to=to, figure=figure)
        for to in (Way.DIRECT, Way.PASS_THROUGH)
        for name, figure in (("rate", rate), ("p50", p50), ("p99", p99))
    }
    return {
        "upstream": cell.upstream,
        "way": cell.way.value,
        "connections": cell.connections,
        "rate": typical(rounds, cell, rate),
        "p50_seconds": typical(rounds, cell, p50),
        "p99_seconds": typical(rounds, cell, p99),
        **ratios,
        "rounds": [_tally(tally) for tally in rounds[cell]],
    }


def _tally(tally: Tally) -> dict[str, float]:
    return {"rate": tally.rate, "p50": tally.p50, "p99": tally.p99, "busy": tally.busy, "measured": tally.measured}


def _line(rounds: Rounds, cell: Cell) -> str:
    def to(way: Way, figure: Any) -> str:
        return "" if cell.way in {way, Way.DIRECT} else f"{ratio(rounds, cell, to=way, figure=figure):.2f}"

    milliseconds = [f"{1000 * typical(rounds, cell, figure):.2f}" for figure in (p50, p99)]
    parts = [
        cell.upstream,
        cell.way.value,
        str(cell.connections),
        f"{typical(rounds, cell, rate):.0f}",
        *milliseconds,
        to(Way.DIRECT, rate),
        to(Way.PASS_THROUGH, rate),
        to(Way.PASS_THROUGH, p50),
    ]
    return f"| {' | '.join(parts)} |"


def _headroom(rounds: Rounds, connections: int, tallies: Sequence[Tally]) -> str:
    alone = sorted(tally.rate for tally in tallies)[len(tallies) // 2]
    cells = [cell for cell in rounds if cell.connections == connections]
    fastest = max(typical(rounds, cell, rate) for cell in cells)
    busiest = max(typical(rounds, cell, lambda tally: tally.busy) for cell in cells)
    return (
        f"Load generator at {connections} connections: {alone:.0f} calls/s to a trivial responder,"
        f" {alone / fastest:.1f} times the fastest line; at most {100 * busiest:.0f} % of a core meanwhile."
    )


def _order(cell: Cell) -> tuple[str, int, int]:
    return cell.upstream, cell.connections, list(Way).index(cell.way)
