"""The port to where records are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.drift_query import DriftQuery
from pdp.audit.query import Entry, Query
from pdp.core.contract.errors import ToolgateError
from pdp.core.contract.record import ComparisonRecord, DriftRecord, Record

SCHEMA_VERSION: Final = 4


class StoreUnavailableError(ToolgateError):
    """The store takes nothing now: locked, full, read-only, gone."""


class RecordUnfitError(ToolgateError):
    """The store works, but a record among those given cannot be stored."""


class Keeping(StrEnum):
    """What became of a record given to a store."""

    STORED = "stored"
    KNOWN = "known"
    """It was there already, with the same content."""
    CONFLICT = "conflict"
    """Its (writer, boot, sequence) belongs to a record with another content; both are kept."""


@dataclass(frozen=True, slots=True)
class Position:
    """What a record is unique by."""

    writer: str
    boot: str
    sequence: int


def position_of(record: Record) -> Position:
    """The position of `record`."""
    return Position(record.writer, record.boot, record.sequence)


class RecordStore(Protocol):
    """Keeps records; its methods block and are called from one thread at a time."""

    def append(self, records: Sequence[Record]) -> list[Keeping]:
        """Commit all of `records`, or none and raise.

        Raises:
            RecordUnfitError: one of them cannot be stored.
            StoreUnavailableError: none can be, now.

        """
        ...

    def probe(self) -> None:
        """Commit a write that is no record.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        ...

    def sync(self) -> None:
        """Bring what was committed to the disk, where a commit alone does not.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class RecordReader(Protocol):
    """Answers questions from records."""

    def find(self, query: Query) -> list[Entry]:
        """The decisions that `query` asks for, oldest first.

        Raises:
            StoreUnavailableError: the store cannot be read now.

        """
        ...

    def drifts(self, query: DriftQuery) -> list[DriftRecord]:
        """The changes of tools that `query` asks for, oldest first.

        Raises:
            StoreUnavailableError: the store cannot be read now.

        """
        ...

    def comparisons(self, query: ComparisonQuery) -> Iterator[ComparisonRecord]:
        """The comparisons that `query` asks for, in the order of their arrival, read as they are taken.

        Raises:
            StoreUnavailableError: the store cannot be read now.

        """
        ...

    def conflicts(self) -> int:
        """How many records came under a position that another one holds.

        Raises:
            StoreUnavailableError: the store cannot be read now.

        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
