"""What many comparisons come to: for each bundle that was tried, how often it differs, where and how."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pdp.core.contract.comparison_record import ComparisonRecord, Difference
from pdp.core.contract.record_terms import Change

MOST_GROUPS: Final = 10_000
"""Groups that are held for one shadow; what would need more is counted only."""
MOST_NAMES: Final = 100
"""Policies that are held for each side of a group, bundles and notes for a shadow."""


@dataclass(slots=True)
class Group:
    """Differences of one kind on one tool, or one method where no tool was named; `example` is the newest."""

    subject: str
    change: Change
    example: Difference
    count: int = 0
    active: Counter[str] = field(default_factory=Counter)
    shadow: Counter[str] = field(default_factory=Counter)

    def add(self, difference: Difference) -> None:
        """Count `difference` in."""
        self.count += 1
        if difference.time >= self.example.time:
            self.example = difference
        _count(self.active, difference.active.policies)
        _count(self.shadow, () if difference.shadow is None else difference.shadow.policies)


@dataclass(slots=True)
class Summary:
    """All that was compared with the bundle `shadow`, from `since` to `until`.

    `beside` has generation and digest of each bundle that decided meanwhile. `listed` of the `different` ones are in
    groups.
    """

    shadow: str
    since: str
    until: str
    beside: dict[tuple[int, str], None] = field(default_factory=dict)
    percents: set[float] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    compared: int = 0
    skipped: int = 0
    incomparable: int = 0
    different: int = 0
    listed: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    _groups: dict[tuple[str, Change], Group] = field(default_factory=dict)

    def groups(self) -> list[Group]:
        """The groups, the largest first."""
        return sorted(self._groups.values(), key=lambda one: (-one.count, one.subject, one.change))

    def add(self, record: ComparisonRecord) -> None:
        """Count what `record` counts in."""
        self.since, self.until = min(self.since, record.since), max(self.until, record.time)
        self.compared += record.compared
        self.skipped += record.skipped
        self.incomparable += record.incomparable
        self.different += record.different
        self.changes.update(record.changes)
        if len(self.beside) < MOST_NAMES:
            self.beside[record.generation, record.bundle] = None
        if len(self.percents) < MOST_NAMES:
            self.percents.add(record.percent)
        if record.detail is not None and len(self.notes) < MOST_NAMES:
            self.notes.add(record.detail)
        for difference in record.differences:
            self._list(difference)

    def _list(self, difference: Difference) -> None:
        key = (_subject(difference), difference.change)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MOST_GROUPS:
                return
            group = self._groups[key] = Group(*key, difference)
        self.listed += 1
        group.add(difference)


def summaries(records: Iterable[ComparisonRecord]) -> list[Summary]:
    """A summary for each shadow in `records`, the one that was tried last coming last."""
    found: dict[str, Summary] = {}
    for record in records:
        found.setdefault(record.shadow, Summary(record.shadow, record.since, record.time)).add(record)
    return sorted(found.values(), key=lambda one: one.until)


def _subject(difference: Difference) -> str:
    if difference.server is not None and difference.tool is not None:
        return f"{difference.server}/{difference.tool}"
    return difference.tool or difference.method or "-"


def _count(counter: Counter[str], names: Iterable[str]) -> None:
    for name in names:
        if name in counter or len(counter) < MOST_NAMES:
            counter[name] += 1
