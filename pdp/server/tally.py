"""What a canary's comparisons come to, until it is recorded."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pdp.core.contract.comparison_record import Difference
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.record_terms import Change
from pdp.server.comparison import Compared, Comparison, Incomparable, Note, Sample

MOST_DIFFERENCES: Final = 100
"""The differences that one record lists; the others are counted."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bundles: the generation and digest of the one that decides, the digest of the one that is tried."""

    generation: int
    bundle: str
    shadow: str

    @classmethod
    def of(cls, sample: Sample) -> "Pair":
        """The bundle that decided `sample`, and the one that was tried then."""
        answer = sample.response.context.toolgate
        return cls(answer.generation, answer.bundle, sample.shadow.manifest.digest)


@dataclass(slots=True)
class Totals:
    """Counts since the start; `changes` are of those that are different."""

    compared: int = 0
    skipped: int = 0
    incomparable: int = 0
    changes: Counter[Change] = field(default_factory=lambda: Counter(dict.fromkeys(Change, 0)))

    @property
    def different(self) -> int:
        """How many of the compared ones are."""
        return self.changes.total()


@dataclass(slots=True)
class _Window(Totals):
    """Counts since `since`, in Unix seconds."""

    since: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    notes: set[Note] = field(default_factory=set)


class Tally:
    """Counts comparisons for each pair of bundles; any thread may add to it."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._windows: dict[Pair, _Window] = {}
        self._lock = threading.Lock()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to record."""
        return not self._windows

    @property
    def is_full(self) -> bool:
        """Whether a list of differences takes no more."""
        with self._lock:
            return any(len(window.differences) >= MOST_DIFFERENCES for window in self._windows.values())

    def skip(self, sample: Sample) -> None:
        """Count a request that could not be looked at."""
        with self._lock:
            self._window(sample).skipped += 1
            self.totals.skipped += 1

    def add(self, sample: Sample, comparison: Comparison) -> None:
        """Count what came of `sample`."""
        with self._lock:
            window = self._window(sample)
            if comparison.note is not None:
                window.notes.add(comparison.note)
            match comparison:
                case Incomparable():
                    window.incomparable += 1
                    self.totals.incomparable += 1
                case Compared(difference):
                    window.compared += 1
                    self.totals.compared += 1
                    if difference is not None:
                        self._differ(window, difference)

    def take(self) -> list[Mapping[str, Any]]:
        """What is to be recorded, as members of records; counting begins anew."""
        with self._lock:
            windows, self._windows = self._windows, {}
        return [_members(pair, window) for pair, window in windows.items()]

    def _window(self, sample: Sample) -> _Window:
        window = self._windows.setdefault(Pair.of(sample), _Window(since=sample.now))
        window.since = min(window.since, sample.now)
        return window

    def _differ(self, window: _Window, difference: Difference) -> None:
        window.changes[difference.change] += 1
        self.totals.changes[difference.change] += 1
        if len(window.differences) < MOST_DIFFERENCES:
            window.differences.append(difference)


def _members(pair: Pair, window: _Window) -> Mapping[str, Any]:
    return {
        "generation": pair.generation,
        "bundle": pair.bundle,
        "shadow": pair.shadow,
        "since": rfc3339(window.since),
        "compared": window.compared,
        "skipped": window.skipped,
        "incomparable": window.incomparable,
        "different": window.different,
        "changes": {change: count for change, count in window.changes.items() if count},
        "differences": window.differences,
        "detail": "; ".join(sorted(window.notes)) or None,
    }
