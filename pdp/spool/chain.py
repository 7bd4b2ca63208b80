"""The chain of a writer's records: each has the next number of its boot and names the digest of the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import msgspec

from pdp.core.contract.errors import RecordError
from pdp.core.contract.record import RECORD_VERSION, Record
from pdp.core.contract.sealed import MAX_RECORD_BYTES, Sealed, seal


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain: what it is unique by, and its digest."""

    writer: str
    boot: str
    sequence: int
    digest: str

    @classmethod
    def of(cls, sealed: Sealed) -> Self:
        """The head that `sealed` is."""
        record = sealed.record
        return cls(record.writer, record.boot, record.sequence, sealed.digest)


def follows(sealed: Sealed, head: Head | None) -> bool:
    """Whether `sealed` is what comes after `head`; after None, which is not known, anything does."""
    if head is None:
        return True
    record = sealed.record
    if record.writer != head.writer:
        return record.sequence == 1 and record.previous is None
    sequence = head.sequence + 1 if record.boot == head.boot else 1
    return record.sequence == sequence and record.previous == head.digest


class Numbering:
    """Gives the records of the run `boot` their places, after `head`, the last record of the runs before."""

    def __init__(self, boot: str, head: Head | None) -> None:
        self.boot = boot
        self.head = head
        self._sequence = 0

    @property
    def sequence(self) -> int:
        """The number of the last record of this run, 0 before the first."""
        return self._sequence

    def go_on_after(self, head: Head | None) -> None:
        """Make `head` the last record: what was numbered after it was not stored."""
        self.head = head
        self._sequence = head.sequence if head is not None and head.boot == self.boot else 0

    def seal_all(self, records: Sequence[Record]) -> list[Sealed]:
        """`records` under the next numbers; nothing is numbered when one of them cannot be.

        Raises:
            RecordError: one is too large, or holds what JSON cannot.

        """
        before = self.head
        try:
            return [self._seal(record) for record in records]
        except (RecordError, TypeError, ValueError) as error:
            self.go_on_after(before)
            if isinstance(error, RecordError):
                raise
            raise RecordError(f"a record cannot be written as JSON: {type(error).__name__}") from error

    def _seal(self, record: Record) -> Sealed:
        head = self.head
        previous = head.digest if head is not None and head.writer == record.writer else None
        sequence = self._sequence + 1
        sealed = seal(
            msgspec.structs.replace(
                record, version=RECORD_VERSION, boot=self.boot, sequence=sequence, previous=previous
            )
        )
        if len(sealed.content) > MAX_RECORD_BYTES:
            raise RecordError(f"a record has {len(sealed.content)} bytes, the limit is {MAX_RECORD_BYTES}")
        self.head, self._sequence = Head(record.writer, self.boot, sequence, sealed.digest), sequence
        return sealed
