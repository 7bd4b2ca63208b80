"""What is there of each run against what the log notes of it, and where runs go on from one another. No IO."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from pdp.audit.evidence.evidence_source import NotedRun
from pdp.audit.evidence.finding import Damage, Finding, Findings
from pdp.audit.evidence.lineage import Line
from pdp.audit.evidence.record_check import RecordCheck

_MOST_STRETCHES: Final = 50


class RunCheck:
    """Looks at runs once all records were taken; `is_partial`: the oldest records are elsewhere, and were not."""

    def __init__(
        self, noted: Mapping[int, NotedRun], taken: RecordCheck, findings: Findings, *, is_partial: bool
    ) -> None:
        self._noted = sorted(noted.values(), key=lambda run: (run.writer, run.boot))
        self._taken = taken
        self._findings = findings
        self._is_partial = is_partial

    def finish(self) -> None:
        """Look at all of them."""
        for run in self._noted:
            self._check(run, self._taken.lines.get((run.writer, run.boot), Line()))
        known = {(run.writer, run.boot) for run in self._noted}
        for (writer, boot), line in sorted(self._taken.lines.items()):
            if (writer, boot) not in known:
                text = f"the log knows nothing of run `{boot}` of `{writer}`, of which {line.records} records are there"
                self._findings.add(Finding(Damage.RUN_MISSING, text, None, writer, boot))
        self._check_ends()

    def _check(self, run: NotedRun, line: Line) -> None:
        # Of what is elsewhere nobody knows here how many did not come.
        gone = 0 if self._is_partial else run.records - line.records
        gaps = self._check_gaps(run, line, gone)
        if gone > 0 and not gaps:
            text = (
                f"run `{run.boot}` of `{run.writer}` has {line.records} records and no gap, and {run.records} are noted"
            )
            self._add(Damage.RUN_ALTERED, text, run, line.last)
        if gone < 0 or line.last > run.sequence:
            text = f"run `{run.boot}` of `{run.writer}` has {line.records} records, and {run.records} had come"
            self._add(Damage.RECORD_INSERTED, text, run, line.last)
        elif line.last == run.sequence and line.head is not None and line.head != run.digest:
            text = (
                f"record {run.sequence} of `{run.writer}`, run `{run.boot}`, is not the one noted as the last that came"
            )
            self._add(Damage.RUN_ALTERED, text, run, run.sequence)
        begun = self._taken.firsts.get((run.writer, run.boot))
        if begun is not None and run.previous is not None and begun.previous != run.previous:
            text = f"run `{run.boot}` of `{run.writer}` is noted to go on from another record than it does"
            self._add(Damage.RUN_ALTERED, text, run, 1)

    def _check_gaps(self, run: NotedRun, line: Line, gone: int) -> int:
        """Find the numbers that no record has, and say how many stretches of them there are."""
        if self._is_partial and not line.stretches:
            return 0
        after = min(line.stretches[0].first - 1, run.records) if self._is_partial else 0
        gaps = list(islice(line.gaps(after=after, upto=run.sequence), _MOST_STRETCHES))
        for first, last in gaps:
            if last == run.sequence or gone > 0:
                text = _numbers(first, last, run, "had come, or some of them, and are not there any more")
                self._add(Damage.RECORD_DELETED, text, run, first)
            else:
                self._add(Damage.RECORD_MISSING, _numbers(first, last, run, "have not come"), run, first)
        return len(gaps)

    def _check_ends(self) -> None:
        """A run that goes on from another one goes on from the last record of that."""
        ends = {(run.writer, run.digest) for run in self._noted}
        ends |= {(writer, line.head) for (writer, _), line in self._taken.lines.items() if line.head is not None}
        for (writer, boot), first in self._taken.firsts.items():
            if first.previous is not None and (writer, first.previous) not in ends:
                text = (
                    f"run `{boot}` of `{writer}` goes on from a record that is the last of no run: "
                    "that run, or its end, is not there any more"
                )
                self._findings.add(Finding(Damage.RUN_MISSING, text, first.position, writer, boot, 1))

    def _add(self, code: Damage, text: str, run: NotedRun, sequence: int) -> None:
        self._findings.add(Finding(code, text, None, run.writer, run.boot, sequence))


def awaited(runs: Iterable[NotedRun]) -> int:
    """How many records writers said they have that have not come yet."""
    return sum(max(0, (run.announced or 0) - run.sequence) for run in runs)


def _numbers(first: int, last: int, run: NotedRun, what: str) -> str:
    which = f"record {first}" if first == last else f"records {first} to {last}"
    return f"{which} of `{run.writer}`, run `{run.boot}`, {what}"
