"""What a verification finds: each kind of damage has a code of its own."""

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

MOST_OF_A_KIND: Final = 100
"""Findings of one code that are kept; the others are counted."""


class Damage(StrEnum):
    """What is wrong."""

    RECORD_ALTERED = "record_altered"
    """It has another content than its digest, or than the one that was signed."""
    RECORD_UNREADABLE = "record_unreadable"
    """Its content is no record."""
    COLUMN_ALTERED = "column_altered"
    """A column says something else than the content, so it is found by what it is not."""
    RECORD_REPEATED = "record_repeated"
    """Its number was taken before it."""
    RECORD_UNLINKED = "record_unlinked"
    """It names another record as the one before it than the one that is there."""
    RECORD_MISSING = "record_missing"
    """Numbers between those of a run have not come."""
    RECORD_DELETED = "record_deleted"
    """Records that had come are not there."""
    RECORD_INSERTED = "record_inserted"
    """Records are there that did not come through a store, or were not signed."""
    RECORD_REORDERED = "record_reordered"
    """Records are at other positions than when they were signed."""
    RECORD_CONFLICT = "record_conflict"
    """Two records came under one number."""
    RUN_ALTERED = "run_altered"
    """What is noted of a run is not what is there of it."""
    RUN_MISSING = "run_missing"
    """A run that a record or another run goes on from is not there."""
    BATCH_DIFFERS = "batch_differs"
    """The records that a checkpoint covers are not those that were signed."""
    BATCH_FAULTY = "batch_faulty"
    """Records were not as they must be when the checkpoint over them was signed, as it says itself."""
    CHECKPOINT_UNREADABLE = "checkpoint_unreadable"
    CHECKPOINT_UNTRUSTED = "checkpoint_untrusted"
    """No trusted key has signed it."""
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_UNLINKED = "checkpoint_unlinked"
    """It does not follow from the one before it."""
    CHECKPOINT_ALTERED = "checkpoint_altered"
    """Its columns say something else than what was signed."""
    HELD_UNUSABLE = "held_unusable"
    """What is held outside is no checkpoint that a trusted key has signed."""
    LOG_TRUNCATED = "log_truncated"
    """A checkpoint held outside vouches for more than is there."""
    LOG_FORKED = "log_forked"
    """A checkpoint held outside is another one than the log's with the same number."""
    LOG_REPLACED = "log_replaced"
    """A checkpoint held outside is of another log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `position` is that of the record concerned, or the first of them, where there is one."""

    code: Damage
    text: str
    position: int | None = None
    writer: str | None = None
    boot: str | None = None
    sequence: int | None = None
    checkpoint: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Findings:
    """Keeps the first of each kind, and counts all."""

    def __init__(self) -> None:
        self.counts: Counter[Damage] = Counter()
        self._kept: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Take `finding`."""
        self.counts[finding.code] += 1
        if self.counts[finding.code] <= MOST_OF_A_KIND:
            self._kept.append(finding)

    def ordered(self) -> list[Finding]:
        """Those that were kept: by position, then those of no record, in the order in which they were found."""
        return sorted(self._kept, key=lambda one: float("inf") if one.position is None else one.position)
