"""Verifies a log: every record, every run, every checkpoint, and what is held outside. No IO of its own."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pdp.audit.evidence.batch_check import BatchCheck
from pdp.audit.evidence.checkpoint import Checkpoint, Trusted
from pdp.audit.evidence.evidence_source import EvidenceSource, StoredRecord
from pdp.audit.evidence.examination import Place
from pdp.audit.evidence.finding import Damage, Finding, Findings
from pdp.audit.evidence.held_check import HeldCheck, HeldFile
from pdp.audit.evidence.ledger import Known
from pdp.audit.evidence.record_check import RecordCheck
from pdp.audit.evidence.run_check import RunCheck, awaited
from pdp.audit.evidence.statement import EvidenceError, follow

_TOLD_EVERY: Final = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification came to: `records` and `checkpoints` that were looked at, and all that is wrong.

    `uncovered` records came after the last checkpoint, so only the chains of their runs vouch for them; `awaited` ones
    are known to exist and have not come; the batches up to checkpoint `unread` are in archives that were not read.
    """

    log: str | None
    records: int
    checkpoints: int
    uncovered: int
    awaited: int
    unread: int
    held: int
    findings: Findings


class Verification:
    """Verifies `source`; `trusted` keys have to have signed every checkpoint, `held` are checkpoints held outside.

    `told` is called with the number of records so far, now and then.
    """

    def __init__(
        self,
        source: EvidenceSource,
        *,
        trusted: Trusted,
        held: Iterable[HeldFile] = (),
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._trusted = trusted
        self._told = told
        self._findings = Findings()
        self._runs = source.runs()
        self._taken = RecordCheck(self._runs, self._findings)
        self._held = HeldCheck(held, trusted, self._findings)
        self._records = source.records()
        self._next: StoredRecord | None = next(self._records, None)
        self._count = 0
        self._unread = source.archived()
        self._before: Checkpoint | None = None
        self._number = 0
        self._reached = 0

    def run(self) -> Report:
        """(1) Checkpoints with their records; (2) records after the last; (3) runs; (4) conflicts; (5) what is held."""
        log = self._source.log()
        checkpoints = 0
        for known in self._source.checkpoints():
            checkpoints += 1
            self._check(known, log)
        covered = self._count
        for stored in self._upto(None):
            self._take(stored)
        RunCheck(self._runs, self._taken, self._findings, is_partial=self._unread > 0).finish()
        self._check_conflicts()
        total = 0 if self._before is None else self._before.statement.records
        there = self._count + (total - covered if self._unread else 0)
        self._held.finish(log=log, number=self._number, records=total, there=there)
        return Report(
            log=log,
            records=self._count,
            checkpoints=checkpoints,
            uncovered=self._count - covered,
            awaited=awaited(self._runs.values()),
            unread=self._unread,
            held=len(self._held),
            findings=self._findings,
        )

    def _check(self, known: Known, log: str | None) -> None:
        if known.number > max(self._number, self._unread) + 1:
            first, last = max(self._number, self._unread) + 1, known.number - 1
            which = f"checkpoint {first} is" if first == last else f"checkpoints {first} to {last} are"
            self._add(Damage.CHECKPOINT_MISSING, f"{which} not there", first)
            self._before = None
        checkpoint = self._read(known, log)
        upto = known.last if checkpoint is None else checkpoint.statement.batch.high
        if checkpoint is not None and self._before is None and known.number > 1:
            for stored in self._upto(checkpoint.statement.batch.low - 1):
                self._take(stored)  # they are of a batch of which nobody says what it was
        batch = BatchCheck(reached=self._reached)
        for stored in self._upto(upto):
            batch.take(stored.position, stored.digest, self._take(stored))
        if checkpoint is not None:
            self._check_order(checkpoint, known.number)
            if known.number > self._unread:
                leaves = self._held.leaves(checkpoint)
                batch.compare(checkpoint.statement, leaves, self._findings)
            self._held.compare(checkpoint)
        self._before, self._number = checkpoint, known.number
        self._reached = max(self._reached, upto)

    def _read(self, known: Known, log: str | None) -> Checkpoint | None:
        """The checkpoint, None where what it says must not be believed."""
        try:
            checkpoint = known.read()
        except EvidenceError as error:
            self._add(Damage.CHECKPOINT_UNREADABLE, f"checkpoint {known.number}: {error}", known.number)
            return None
        try:
            checkpoint.signer(self._trusted)
        except EvidenceError as error:
            self._add(Damage.CHECKPOINT_UNTRUSTED, f"checkpoint {known.number}: {error}", known.number)
            return None
        statement = checkpoint.statement
        if statement.log != log:
            text = f"checkpoint {known.number} is of the log `{statement.log}`, this says that it is `{log}`"
            self._add(Damage.LOG_REPLACED, text, known.number)
        batch = statement.batch
        if (known.first, known.last, known.count) != (batch.low, batch.high, batch.count):
            text = f"checkpoint {known.number} is filed as covering other records than it was signed over"
            self._add(Damage.CHECKPOINT_ALTERED, text, known.number)
        if statement.faults:
            text = (
                f"checkpoint {known.number} of {statement.time} says itself that {statement.faults} of its records "
                "were not as they must be when it was signed"
            )
            self._add(Damage.BATCH_FAULTY, text, known.number)
        return checkpoint

    def _check_order(self, checkpoint: Checkpoint, number: int) -> None:
        before = self._before
        if before is None and number > 1:
            return  # what comes before it is a finding already
        try:
            statement = None if before is None else before.statement
            follow(statement, checkpoint.statement, previous=None if before is None else before.digest)
        except EvidenceError as error:
            self._add(Damage.CHECKPOINT_UNLINKED, f"checkpoint {number}: {error}", number)

    def _upto(self, position: int | None) -> Iterator[StoredRecord]:
        """The records up to `position` that were not taken yet; None: all of them."""
        while self._next is not None and (position is None or self._next.position <= position):
            yield self._next
            self._next = next(self._records, None)

    def _take(self, stored: StoredRecord) -> Place | None:
        self._count += 1
        if self._count % _TOLD_EVERY == 0:
            self._told(self._count)
        return self._taken.take(stored)

    def _check_conflicts(self) -> None:
        for run, sequence, _ in self._source.conflicts():
            noted = self._runs.get(run)
            whose = f"run {run}" if noted is None else f"`{noted.writer}`, run `{noted.boot}`"
            text = f"record {sequence} of {whose} came again with another content: see the table `conflicts`"
            writer, boot = (None, None) if noted is None else (noted.writer, noted.boot)
            self._findings.add(Finding(Damage.RECORD_CONFLICT, text, None, writer, boot, sequence))

    def _add(self, code: Damage, text: str, number: int) -> None:
        self._findings.add(Finding(code, text, checkpoint=number))
