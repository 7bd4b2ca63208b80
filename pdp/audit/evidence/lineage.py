"""Whether the records of each run follow each other, in whatever order they came. No IO.

Of a run only the stretches without a gap are kept, so memory grows with runs and gaps, not with records.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Link(StrEnum):
    """How a record stands to those that were taken before it."""

    FITTING = "fitting"
    REPEATED = "repeated"
    """A record with its number was there."""
    UNLINKED = "unlinked"
    """It names another record as the one before it than the one that is there."""
    DISOWNED = "disowned"
    """The record after it names another one as the one before."""


@dataclass(slots=True)
class Stretch:
    """Records `first` to `last`; `previous` is the digest that the first one names, `digest` that of the last."""

    first: int
    last: int
    previous: bytes | None
    digest: bytes
    is_chained: bool
    """Whether the first one has to name the one before it."""


@dataclass(slots=True)
class Line:
    """One run: its stretches, lowest first."""

    stretches: list[Stretch] = field(default_factory=list)
    records: int = 0

    def take(self, sequence: int, *, previous: bytes | None, digest: bytes, is_chained: bool) -> Link:
        """Take one record of it, and say how it stands to the others.

        A record of version 1 is not chained: it names none.
        """
        place = bisect_right(self.stretches, sequence, key=lambda stretch: stretch.first)
        before = self.stretches[place - 1] if place else None
        after = self.stretches[place] if place < len(self.stretches) else None
        if before is not None and sequence <= before.last:
            return Link.REPEATED
        self.records += 1
        link = Link.FITTING
        if before is not None and before.last + 1 == sequence:
            if is_chained and previous != before.digest:
                link = Link.UNLINKED
            before.last, before.digest = sequence, digest
            grown = before
        else:
            if is_chained and previous is None and sequence > 1:
                link = Link.UNLINKED
            grown = Stretch(sequence, sequence, previous, digest, is_chained)
            self.stretches.insert(place, grown)
            place += 1
        if after is not None and after.first == sequence + 1:
            if after.is_chained and after.previous != digest:
                link = Link.DISOWNED if link is Link.FITTING else link
            grown.last, grown.digest = after.last, after.digest
            del self.stretches[place]
        return link

    @property
    def last(self) -> int:
        """The highest sequence, 0 where there is none."""
        return self.stretches[-1].last if self.stretches else 0

    @property
    def head(self) -> bytes | None:
        """The digest of the record with it."""
        return self.stretches[-1].digest if self.stretches else None

    def gaps(self, *, after: int, upto: int) -> Iterator[tuple[int, int]]:
        """The numbers from `after + 1` to `upto` that no record has, as first and last of each stretch of them."""
        known = after
        for stretch in self.stretches:
            if stretch.first > known + 1:
                yield known + 1, min(stretch.first - 1, upto)
            known = max(known, stretch.last)
            if known >= upto:
                return
        if known < upto:
            yield known + 1, upto
