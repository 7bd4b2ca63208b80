"""From tallies to figures: medians of rounds, and ratios between what one round measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final, TypeAlias

from tests.bench.load import Tally


class Way(StrEnum):
    """How a call reaches its server; what is not said to be embedded, cached or spooled says so."""

    DIRECT = "direct"
    PASS_THROUGH = "gateway, pass-through"
    EMBEDDED = "gateway, enforced"
    EMBEDDED_FRESH = "gateway, enforced, every call new"
    DURABLE = "gateway, enforced, durable log"
    REMOTE = "gateway, enforced, remote decisions"
    REMOTE_FRESH = "gateway, enforced, remote decisions, every call new"


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table."""

    upstream: str
    way: Way
    connections: int


Rounds: TypeAlias = Mapping[Cell, Sequence[Tally]]
Figure: TypeAlias = Callable[[Tally], float]


def rate(tally: Tally) -> float:
    """Answers a second."""
    return tally.rate


def p50(tally: Tally) -> float:
    """The median latency in seconds."""
    return tally.p50


def p99(tally: Tally) -> float:
    """The latency in seconds that one of a hundred answers exceeds."""
    return tally.p99


def typical(rounds: Rounds, cell: Cell, figure: Figure) -> float:
    """The median over all rounds."""
    return median(figure(tally) for tally in rounds[cell])


def ratio(rounds: Rounds, cell: Cell, *, to: Way, figure: Figure) -> float:
    """The median over all rounds of `figure`, as a multiple of what the same round measured on the way `to`."""
    other = Cell(cell.upstream, to, cell.connections)
    pairs = zip(rounds[cell], rounds[other], strict=True)
    return median(figure(tally) / figure(base) for tally, base in pairs)


class Better(StrEnum):
    """Which side of its bound a target is met on."""

    MORE = "more"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a ratio to the pass-through, both before the lean upstream."""

    name: str
    connections: int
    figure: Figure
    bound: float
    better: Better

    def measured(self, rounds: Rounds) -> float:
        """The ratio that was measured."""
        return ratio(rounds, Cell("lean", Way.EMBEDDED, self.connections), to=Way.PASS_THROUGH, figure=self.figure)

    def verdict(self, rounds: Rounds) -> str:
        """`met` or `missed`."""
        found = self.measured(rounds)
        return "met" if (found >= self.bound if self.better is Better.MORE else found <= self.bound) else "missed"


TARGETS: Final = (
    Target("throughput, 32 connections, at least 0.50 of pass-through", 32, rate, 0.5, Better.MORE),
    Target("p50, 1 connection, at most 2.0 times pass-through", 1, p50, 2.0, Better.LESS),
)
