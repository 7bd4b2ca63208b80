"""Calls measured side by side in one process: interleaved rounds, medians, ratios with bounds."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

from tests.bench.report import machine

ROUNDS: Final = 7
_ROUND_SECONDS: Final = 0.15

Lines: TypeAlias = Mapping[str, Callable[[], object]]
Times: TypeAlias = Mapping[str, Sequence[float]]
"""Seconds a call, one figure a round."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a target says: the line `of` takes at most `bound` times what the line `to` takes, round by round."""

    name: str
    of: str
    to: str
    bound: float

    def measured(self, times: Times) -> float:
        """The median over the rounds of the ratio."""
        return median(of / to for of, to in zip(times[self.of], times[self.to], strict=True))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a target says: the line `of` takes at most `most`, seconds or whatever it counts."""

    name: str
    of: str
    most: float

    def measured(self, times: Times) -> float:
        """The median, as a share of what it may take."""
        return median(times[self.of]) / self.most

    @property
    def bound(self) -> float:
        """All of it."""
        return 1.0


Target: TypeAlias = Bound | Ceiling


def compare(lines: Lines, *, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds a call of every line, in `rounds` rounds, each in the opposite order of the last."""
    repeats = {name: _repeats(call) for name, call in lines.items()}
    times: dict[str, list[float]] = {name: [] for name in lines}
    for number in range(rounds):
        for name in lines if number % 2 == 0 else reversed(list(lines)):
            times[name].append(_seconds(lines[name], repeats[name]))
    return times


def table(times: Times, targets: Sequence[Target]) -> str:
    """All of it in Markdown."""
    lines = ["| what | us a call |", "|---|---:|"]
    lines += [f"| {name} | {1e6 * median(figures):.1f} |" for name, figures in times.items()]
    lines += ["", "| target | measured | bound | |", "|---|---:|---:|---|"]
    lines += [f"| {one.name} | {one.measured(times):.2f} | {one.bound:g} | {verdict(one, times)} |" for one in targets]
    return "\n".join(lines)


def verdict(target: Target, times: Times) -> str:
    """`met` or `missed`."""
    return "met" if target.measured(times) <= target.bound else "missed"


def keep(path: Path, times: Times, targets: Sequence[Target]) -> None:
    """Write all that was measured to `path`."""
    document = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "targets": [
            {"name": t.name, "bound": t.bound, "measured": t.measured(times), "verdict": verdict(t, times)}
            for t in targets
        ],
        "rounds": times,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _seconds(call: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats


def _repeats(call: Callable[[], object]) -> int:
    """How often `call` fits into a round, after a first call that warms up what it uses."""
    call()
    return max(1, round(_ROUND_SECONDS / _seconds(call, 3)))
