"""Where a record stands in its writer's chain; values only."""

from dataclasses import dataclass
from typing import Final

from pdp.audit.store import Fault
from pdp.core.contract.record import Record

NO_DIGEST: Final = bytes(32)
"""The digest of the record 0 of every run."""

FIRST_LINKED: Final = 2
"""The version of records from which on they name the one before them."""


@dataclass(slots=True)
class Head:
    """How far one run has come: the highest sequence, the digest of that record, and how many came.

    `previous` is the digest of another run's last record, which its first one names.
    """

    run: int
    sequence: int = 0
    digest: bytes = NO_DIGEST
    records: int = 0
    previous: bytes | None = None
    announced: int | None = None
    heard: int | None = None

    @property
    def missing(self) -> int:
        """How many records are between those that came."""
        return self.sequence - self.records

    def fault_of(self, record: Record, previous: bytes | None, *, is_followed: bool) -> Fault | None:
        """What is wrong with `record` above the head; `is_followed`: another run of the writer ends with `previous`."""
        if record.sequence != self.sequence + 1:
            return Fault.GAP
        if record.version < FIRST_LINKED:
            return None
        if self.sequence == 0:
            return None if previous is None or is_followed else Fault.UNLINKED
        return None if previous == self.digest else Fault.UNLINKED

    def advance(self, record: Record, digest: bytes, previous: bytes | None) -> None:
        """Count `record` in."""
        self.records += 1
        if record.sequence == 1:
            self.previous = previous
        if record.sequence > self.sequence:
            self.sequence, self.digest = record.sequence, digest
