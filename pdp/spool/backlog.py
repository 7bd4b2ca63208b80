"""What a slot holds and nobody has committed yet, in order."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pdp.core.contract.run_head import RunHead
from pdp.spool.chain import Head
from pdp.spool.slot import LOG

_GRAIN: Final = 1.0
"""Seconds within which records count as of one age."""


@dataclass(slots=True, eq=False)
class Segment:
    """One file: `size` bytes and `records` are written, `synced` bytes of them on the disk or past that hope.

    `suffix` says whether it is damaged. `is_open` while more is written to it.
    """

    number: int
    suffix: str = LOG
    size: int = 0
    synced: int = 0
    records: int = 0
    heads: dict[str, int] = field(default_factory=dict)
    """The last sequence of each boot in it."""
    is_open: bool = False


class Backlog:
    """Segments from the one that is delivered now to the one that is written; counts of what waits in them."""

    def __init__(self) -> None:
        self.segments: deque[Segment] = deque()
        self.offset = 0
        """How much of the first segment is delivered."""
        self.passed = 0
        """How many records of it are."""
        self.delivered = 0
        self.refused = 0
        self.head: Head | None = None
        """The last record that was delivered."""
        self._written = 0
        self._gone = 0
        self._records = 0
        self._ages: deque[tuple[int, float]] = deque()

    @property
    def bytes(self) -> int:
        """How many bytes wait."""
        return self._written - self._gone

    @property
    def records(self) -> int:
        """How many records wait."""
        return self._records

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._written == self._gone

    @property
    def has_synced(self) -> bool:
        """Whether something that waits is on the disk."""
        return any(segment.synced > (self.offset if at == 0 else 0) for at, segment in enumerate(self.segments))

    def oldest(self) -> float | None:
        """The Unix time, to about a second, since when the oldest waits; None where nothing does."""
        return self._ages[0][1] if self._ages and not self.is_empty else None

    def heads(self) -> list[RunHead]:
        """How far each run is of which something waits, or that is written now."""
        found: dict[str, int] = {}
        for segment in self.segments:
            found |= segment.heads
        return [RunHead(boot, sequence) for boot, sequence in found.items()]

    def add(self, segment: Segment, *, now: float) -> None:
        """Count what is in a segment that was found."""
        self.segments.append(segment)
        self.wrote(segment.size, segment.records, now=now)

    def wrote(self, size: int, records: int, *, now: float) -> None:
        """Count `size` bytes with `records` that were written at `now`, Unix seconds."""
        self._written += size
        self._records += records
        if self._ages and now - self._ages[-1][1] < _GRAIN:
            now = self._ages.pop()[1]
        self._ages.append((self._written, now))

    def pass_on(self, offset: int, records: int) -> None:
        """Count what is delivered of the first segment: all up to `offset`, with `records` more than before."""
        self._gone += offset - self.offset
        self.offset = offset
        self.passed += records
        self._records -= records
        while self._ages and self._ages[0][0] <= self._gone:
            self._ages.popleft()

    def leave_first(self) -> Segment:
        """Go on to the next segment; what the first has beyond what was delivered is counted no more."""
        segment = self.segments.popleft()
        self.pass_on(max(segment.size, self.offset), segment.records - self.passed)
        self.offset = self.passed = 0
        return segment
