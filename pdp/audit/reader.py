"""The port to ask the log."""

from collections.abc import Iterator
from typing import Protocol

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.drift_query import DriftQuery
from pdp.audit.query import Entry, Query
from pdp.audit.readings import ReadingQuery
from pdp.audit.store import Run
from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.record import DriftRecord, ReadingRecord


class RecordReader(Protocol):
    """Answers questions from records; any of its methods raises StoreUnavailableError when it cannot be read now."""

    def find(self, query: Query) -> list[Entry]:
        """The decisions that `query` asks for, oldest first."""
        ...

    def drifts(self, query: DriftQuery) -> list[DriftRecord]:
        """The changes of tools that `query` asks for, oldest first."""
        ...

    def comparisons(self, query: ComparisonQuery) -> Iterator[ComparisonRecord]:
        """The comparisons that `query` asks for, in the order of their arrival, read as they are taken."""
        ...

    def readings(self, query: ReadingQuery) -> list[ReadingRecord]:
        """The readings of the log that `query` asks for, oldest first."""
        ...

    def runs(self) -> list[Run]:
        """Every run of every writer, by writer and boot."""
        ...

    def conflicts(self) -> int:
        """How many records came under a position that another one holds."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
