"""What one record shows by itself, and by where it stands in its run. No IO."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from pdp.audit.evidence.cells import number
from pdp.audit.evidence.evidence_source import NotedRun, StoredRecord
from pdp.audit.evidence.examination import Place, named_by, place_of
from pdp.audit.evidence.finding import Damage, Finding, Findings
from pdp.audit.evidence.lineage import Line, Link
from pdp.audit.tables import FOUND_BY, columns_of
from pdp.core.contract.sealed import unseal

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError)
_LINKS: Final = {
    Link.REPEATED: (Damage.RECORD_REPEATED, "its number was taken before it"),
    Link.UNLINKED: (
        Damage.RECORD_UNLINKED,
        "it names another record as the one before it: one of the two is not what came",
    ),
    Link.DISOWNED: (Damage.RECORD_UNLINKED, "the record after it names another one: one of the two is not what came"),
}


@dataclass(frozen=True, slots=True)
class Firsts:
    """How a run begins: the digest that its record 1 names, and where that stands."""

    previous: bytes | None
    position: int


class RecordCheck:
    """Takes every record of a log in the order of the positions; `lines` are the runs that it found."""

    def __init__(self, runs: Mapping[int, NotedRun], findings: Findings) -> None:
        self._runs = runs
        self._findings = findings
        self.lines: dict[tuple[str, str], Line] = {}
        self.firsts: dict[tuple[str, str], Firsts] = {}

    def take(self, stored: StoredRecord) -> Place | None:
        """Look at one record, and say where it stands; None where nobody can read that."""
        place = place_of(stored.content)
        if sha256(stored.content).digest() != stored.digest:
            self._add(Damage.RECORD_ALTERED, "its content is not the one that it came with", stored, place)
        self._check_content(stored, place)
        if place is not None:
            self._take_place(stored, place)
        return place

    def _check_content(self, stored: StoredRecord, place: Place | None) -> None:
        try:
            columns = columns_of(unseal(stored.content).record)
        except _UNREADABLE:
            self._add(Damage.RECORD_UNREADABLE, "its content is no record", stored, place)
            return
        if stored.found_by is not None and tuple(stored.found_by) != columns:
            pairs = zip(FOUND_BY, stored.found_by, columns, strict=True)
            names = ", ".join(f"`{name}`" for name, found, said in pairs if found != said)
            self._add(Damage.COLUMN_ALTERED, f"{names} says something else than its content", stored, place)
        if place is not None and stored.sequence is not None and stored.sequence != place.sequence:
            self._add(Damage.COLUMN_ALTERED, "`sequence` says something else than its content", stored, place)

    def _take_place(self, stored: StoredRecord, place: Place) -> None:
        run = (place.writer, place.boot)
        if stored.run is not None:
            noted = self._runs.get(number(stored.run))
            if noted is None:
                self._add(Damage.RUN_MISSING, "the log knows nothing of the run that it belongs to", stored, place)
            elif (noted.writer, noted.boot) != run:
                self._add(Damage.COLUMN_ALTERED, "`run` says something else than its content", stored, place)
        line = self.lines.get(run)
        if line is None:
            line = self.lines[run] = Line()
        previous = named_by(place)
        link = line.take(place.sequence, previous=previous, digest=stored.digest, is_chained=place.is_chained)
        if place.sequence == 1 and link is not Link.REPEATED:
            self.firsts[run] = Firsts(previous if place.is_chained else None, stored.position)
        if link is not Link.FITTING:
            self._add(*_LINKS[link], stored, place)

    def _add(self, code: Damage, text: str, stored: StoredRecord, place: Place | None) -> None:
        where = f"position {stored.position}"
        if place is None:
            self._findings.add(Finding(code, f"the record at {where}: {text}", stored.position))
            return
        named = f"record {place.sequence} of `{place.writer}`, run `{place.boot}` ({where})"
        identity = (place.writer, place.boot, place.sequence)
        self._findings.add(Finding(code, f"{named}: {text}", stored.position, *identity))
