"""The records that a checkpoint covers against what was signed of them. No IO."""

from pdp.audit.evidence.batch import Gathering
from pdp.audit.evidence.examination import Place
from pdp.audit.evidence.finding import Damage, Finding, Findings
from pdp.audit.evidence.statement import Statement


class BatchCheck:
    """Takes the records of one batch in order; memory grows with the batch."""

    def __init__(self, *, reached: int) -> None:
        self._gathering = Gathering(first=0, reached=reached)
        self._positions: list[int] = []
        self._digests: list[bytes] = []
        self._highest: dict[tuple[str, str], int] = {}
        self._turned: int | None = None

    def take(self, position: int, digest: bytes, place: Place | None) -> None:
        """Take one record."""
        self._gathering.add(position, digest)
        self._positions.append(position)
        self._digests.append(digest)
        if place is None:
            return
        run = (place.writer, place.boot)
        self._gathering.place(*run, place.sequence, digest)
        if place.sequence < self._highest.get(run, 0):
            self._turned = self._turned or position
        self._highest[run] = max(place.sequence, self._highest.get(run, 0))

    def compare(self, statement: Statement, leaves: list[bytes] | None, findings: Findings) -> None:
        """Find what is not as `statement` says; `leaves` are the digests that were signed, where they are known."""
        batch, signed = self._gathering.batch(), statement.batch
        number = statement.number
        if (batch.count, batch.root) == (signed.count, signed.root):
            if self._gathering.heads() != statement.heads:
                text = f"the heads in checkpoint {number} are not those of its records"
                findings.add(Finding(Damage.BATCH_DIFFERS, text, signed.low, checkpoint=number))
            if (batch.low, batch.high) != (signed.low, signed.high):
                text = f"the records of checkpoint {number} are at other positions than when it was signed"
                findings.add(Finding(Damage.RECORD_REORDERED, text, batch.low, checkpoint=number))
            return
        findings.add(self._differing(statement))
        if leaves is not None:
            findings.add(self._first_differing(number, leaves))
        elif batch.count == signed.count and self._turned is not None:
            text = (
                f"the record at position {self._turned} comes after later ones of its run, unlike checkpoint {number}"
            )
            findings.add(Finding(Damage.RECORD_REORDERED, text, self._turned, checkpoint=number))

    def _differing(self, statement: Statement) -> Finding:
        count, signed, number = len(self._positions), statement.batch, statement.number
        covered = f"checkpoint {number} of {statement.time} vouches for {signed.count} records"
        where = f"between the positions {signed.low} and {signed.high}"
        if count < signed.count:
            code, text = (
                Damage.RECORD_DELETED,
                f"{covered} {where}: {signed.count - count} of them are not there any more",
            )
        elif count > signed.count:
            code, text = Damage.RECORD_INSERTED, f"{covered} {where}: {count - signed.count} more are there"
        else:
            code, text = Damage.BATCH_DIFFERS, f"{covered} {where}: at least one of them was altered or moved"
        return Finding(code, text, signed.low, checkpoint=number)

    def _first_differing(self, number: int, leaves: list[bytes]) -> Finding:
        there = self._digests
        pairs = enumerate(zip(there, leaves, strict=False))
        at = next((index for index, (one, other) in pairs if one != other), min(len(there), len(leaves)))
        position = self._positions[at] if at < len(there) else None
        here = f"the record at position {position}" if position is not None else "the end of the batch"
        after = self._positions[at - 1] if at else None
        if at >= len(there) or (len(there) < len(leaves) and there[at : at + 1] == leaves[at + 1 : at + 2]):
            since = "the first one" if after is None else f"the one after position {after}"
            text = f"of the records of checkpoint {number}, {since} is not there any more"
            return Finding(Damage.RECORD_DELETED, text, position if after is None else after, checkpoint=number)
        if at >= len(leaves) or (len(there) > len(leaves) and there[at + 1 : at + 2] == leaves[at : at + 1]):
            text = f"{here} was not there when checkpoint {number} was signed"
            return Finding(Damage.RECORD_INSERTED, text, position, checkpoint=number)
        if there[at] in leaves:
            text = f"{here} was at another place when checkpoint {number} was signed"
            return Finding(Damage.RECORD_REORDERED, text, position, checkpoint=number)
        text = f"{here} is the first one that is not what checkpoint {number} was signed over"
        return Finding(Damage.RECORD_ALTERED, text, position, checkpoint=number)
