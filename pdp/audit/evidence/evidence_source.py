"""The port to what a verification reads: records in the order of their positions, and what the log notes of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pdp.audit.evidence.ledger import Known


class StoredRecord(NamedTuple):
    """A record as it is kept; `found_by` are the columns that it is found by, None where it is kept without.

    `run` is the number of its run in the log, None where that is not kept either.
    """

    position: int
    digest: bytes
    content: bytes
    run: int | None
    sequence: int | None
    found_by: Sequence[Any] | None


@dataclass(frozen=True, slots=True)
class NotedRun:
    """What the log notes of a run: the highest sequence that came, that record's digest, and how many came."""

    writer: str
    boot: str
    previous: bytes | None
    sequence: int
    digest: bytes
    records: int
    announced: int | None


class EvidenceSource(Protocol):
    """A log as it was at one moment; read once, from one thread.

    Records that were moved to archives come before those of the store: whoever has the archives puts them there.
    """

    def log(self) -> str | None:
        """The id of the log, None where it does not say."""
        ...

    def runs(self) -> Mapping[int, NotedRun]:
        """The runs, by their number in the log."""
        ...

    def records(self) -> Iterator[StoredRecord]:
        """Every record that is there, in the order of the positions."""
        ...

    def checkpoints(self) -> Iterator[Known]:
        """Every checkpoint, in the order of the numbers."""
        ...

    def conflicts(self) -> Iterator[tuple[int, int, bytes]]:
        """Run, sequence and digest of every record that came under another one's number."""
        ...

    def archived(self) -> int:
        """The number of the last checkpoint whose records were moved away and are not among `records`, 0 for none."""
        ...
