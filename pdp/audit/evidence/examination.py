"""What the checkpointer looks at before it signs: each record against its digest, and its links. No IO."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from pdp.audit.evidence.batch import Gathering
from pdp.audit.evidence.lineage import Line, Link
from pdp.audit.evidence.pages import Leaf
from pdp.audit.evidence.statement import EvidenceError, hash_bytes
from pdp.audit.tables import short
from pdp.core.contract.digest import is_digest
from pdp.core.contract.record import RECORD_VERSION

Preceding = Callable[[Sequence[tuple[str, str, int]]], dict[tuple[str, str, int], bytes]]
"""The digests of those of the records (writer, boot, sequence) that came before the batch."""


class RefusedError(EvidenceError):
    """What is there must not be signed: it was altered after it came."""


class Place(msgspec.Struct, frozen=True):
    """Where a record says that it stands."""

    writer: str
    boot: str
    sequence: int
    previous: str | None = None
    version: int = 1

    @property
    def is_chained(self) -> bool:
        """Whether it has to name the one before it."""
        return self.version >= RECORD_VERSION


_PLACES: Final = msgspec.json.Decoder(Place)


def place_of(content: bytes) -> Place | None:
    """Where the record `content` stands; None where nobody can read that."""
    try:
        return _PLACES.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def named_by(place: Place) -> bytes | None:
    """The digest of the record before it; of what is no digest, one that no record has."""
    if place.previous is None:
        return None
    return hash_bytes(place.previous) if is_digest(place.previous) else b""


class Examination:
    """Takes the records of one batch; `faults` counts those that do not name the record before them.

    These came so, or were altered with their digest; a writer that lies must not keep others' records from being
    signed, so the statement says how many they are.
    """

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.faults = 0
        self.first_fault: int | None = None
        self._lines: dict[tuple[str, str], Line] = {}

    def take(self, leaf: Leaf) -> None:
        """Take one record.

        Raises:
            RefusedError: it is not the one that came.

        """
        cause = self._put(leaf)
        if cause is not None:
            raise RefusedError(f"the record at position {leaf.position} {cause}")

    def take_as_is(self, leaf: Leaf) -> None:
        """Take one record, whatever it is; one that is not the one that came is a fault."""
        if self._put(leaf) is not None:
            self._fault(leaf.position)

    def finish(self, preceding: Preceding) -> None:
        """Compare what the runs go on from with what is there; `preceding` finds that."""
        wanted = {
            (short(writer) or "", short(boot) or "", stretch.first - 1): stretch
            for (writer, boot), line in self._lines.items()
            for stretch in line.stretches
            if stretch.is_chained and stretch.first > 1 and stretch.previous is not None
        }
        found = preceding(list(wanted)) if wanted else {}
        for name, digest in found.items():
            if name in wanted and wanted[name].previous != digest:
                self._fault(self.gathering.low)

    def _put(self, leaf: Leaf) -> str | None:
        self.gathering.add(leaf.position, leaf.digest)
        place = place_of(leaf.content)
        if place is not None:
            run = (place.writer, place.boot)
            self.gathering.place(*run, place.sequence, leaf.digest)
            line = self._lines.setdefault(run, Line())
            link = line.take(place.sequence, previous=named_by(place), digest=leaf.digest, is_chained=place.is_chained)
            if link is not Link.FITTING:
                self._fault(leaf.position)
        if sha256(leaf.content).digest() != leaf.digest:
            return "has another content than the digest that it came with"
        return None if place is not None else "is none that can be read"

    def _fault(self, position: int) -> None:
        self.faults += 1
        self.first_fault = self.first_fault or position
