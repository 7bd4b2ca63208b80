"""Whether an archive has exactly the records that its checkpoints vouch for. No IO."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from pdp.audit.archive.parquet_file import ArchivedCheckpoint, ArchivedRecord, Extent, Row
from pdp.audit.evidence.batch import Gathering
from pdp.audit.evidence.checkpoint import Checkpoint, Trusted, read_checkpoint
from pdp.audit.evidence.statement import EvidenceError, follow


def checked(
    rows: Iterable[Row], *, extent: Extent, trusted: Trusted, before: Checkpoint | None
) -> Iterator[Checkpoint]:
    """The checkpoints among `rows`, each once all that it covers was found to be as it was signed.

    `before` is the checkpoint before the first one of `extent`, None where it is the log's first or nobody has it.

    Raises:
        EvidenceError: something is not as it was signed; the record or the checkpoint is named.

    """
    gathering: Gathering | None = None
    last = before
    number = extent.first
    for row in rows:
        match row:
            case ArchivedRecord():
                gathering = gathering or _gathering(last)
                if sha256(row.content).digest() != row.digest:
                    raise EvidenceError(f"the record at position {row.position} has another content than its digest")
                gathering.add(row.position, row.digest)
            case ArchivedCheckpoint():
                checkpoint = read_checkpoint(row.envelope)
                checkpoint.signer(trusted)
                _check(checkpoint, gathering, last, number=number, log=extent.log)
                yield checkpoint
                gathering, last, number = None, checkpoint, number + 1
    if gathering is not None or number != extent.last + 1:
        raise EvidenceError(f"it ends before checkpoint {extent.last}")


def _gathering(last: Checkpoint | None) -> Gathering:
    if last is None:
        return Gathering(first=0, reached=0)
    return Gathering(first=last.statement.records, reached=last.statement.batch.high)


def _check(
    checkpoint: Checkpoint, gathering: Gathering | None, last: Checkpoint | None, *, number: int, log: str
) -> None:
    statement = checkpoint.statement
    if (statement.log, statement.number) != (log, number):
        raise EvidenceError(f"checkpoint {number} is missing, or is of another log")
    if last is not None or number == 1:
        follow(None if last is None else last.statement, statement, previous=None if last is None else last.digest)
    found = (gathering or _gathering(last)).batch()
    signed = statement.batch
    if last is None:
        # Nobody has the checkpoint before, so nobody can say how many records there were, and up to where.
        found = msgspec.structs.replace(signed, count=found.count, root=found.root)
    if found != signed:
        raise EvidenceError(f"the records before checkpoint {number} are not those that were signed")
