"""The port to where records are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pdp.core.contract.errors import ToolgateError
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import Sealed


class StoreUnavailableError(ToolgateError):
    """The store takes or gives nothing now: locked, full, read-only, gone, or of another version by now."""


class RecordUnfitError(ToolgateError):
    """The store works, but a record among those given cannot be stored."""


class Keeping(StrEnum):
    """What became of a record given to a store."""

    STORED = "stored"
    KNOWN = "known"
    """It was there already, with the same content."""
    CONFLICT = "conflict"
    """Its (writer, boot, sequence) belongs to a record with another content; both are kept."""


class Fault(StrEnum):
    """What is wrong with where a stored record stands in its chain."""

    GAP = "gap"
    """Records between it and the one before it have not come."""
    UNLINKED = "unlinked"
    """The record before it has another digest than the one it names as `previous`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one record, and what is wrong with its place; `known` and `conflict` have no faults."""

    keeping: Keeping
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """What a record is unique by."""

    writer: str
    boot: str
    sequence: int


def position_of(record: Record) -> Position:
    """The position of `record`."""
    return Position(record.writer, record.boot, record.sequence)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A writer's word that the run `boot` of it has `sequence` records by now, heard at `at` (Unix seconds)."""

    writer: str
    boot: str
    sequence: int
    at: float


class RecordStore(Protocol):
    """Keeps records; its methods block and are called from one thread at a time."""

    def append(self, records: Sequence[Sealed]) -> list[Kept]:
        """Commit all of `records` to the disk, or none and raise.

        Raises:
            RecordUnfitError: one of them cannot be stored.
            StoreUnavailableError: none can be, now.

        """
        ...

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Commit what writers said they have; a lower number than is known changes nothing.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        ...

    def probe(self) -> None:
        """Commit a write that is no record.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one writer, as the log knows it: `missing` of its records have not come.

    `sequence` is the highest that came, `announced` the highest that the writer said it has, None where it said
    nothing, and `heard` when it said so (Unix milliseconds).
    """

    writer: str
    boot: str
    sequence: int
    records: int
    announced: int | None = None
    heard: int | None = None

    @property
    def missing(self) -> int:
        """How many records are between those that came."""
        return self.sequence - self.records

    @property
    def behind(self) -> int:
        """How many more the writer said it has."""
        return max(0, (self.announced or 0) - self.sequence)
