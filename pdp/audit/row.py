"""A record as a row of the table `records`, checked so that no database refuses it."""

from dataclasses import dataclass
from typing import Final

import msgspec

from pdp.audit.store import RecordUnfitError
from pdp.audit.tables import SHORT, Columns, columns_of, digest_bytes
from pdp.core.contract.digest import is_digest
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import Sealed

_MAX_INTEGER: Final = 2**63 - 1
_UNFIT: Final = (msgspec.MsgspecError, OverflowError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Row:
    """A sealed record with what its row needs; digests are 32 bytes."""

    record: Record
    content: bytes
    digest: bytes
    previous: bytes | None
    found_by: Columns


def row_of(sealed: Sealed) -> Row:
    """The row of `sealed`.

    Raises:
        RecordUnfitError: it can have none; the values are not told.

    """
    try:
        record = sealed.record
        _check(record.writer, record.boot)
        if not 0 < record.sequence <= _MAX_INTEGER:
            raise ValueError("a sequence out of range")
        columns = columns_of(record)
        return Row(record, sealed.content, digest_bytes(sealed.digest), previous_of(record), columns)
    except _UNFIT as error:
        raise RecordUnfitError(f"a record cannot be stored: {type(error).__name__}") from error


def _check(*names: str) -> None:
    for name in names:
        if not 0 < len(name) <= SHORT or "\0" in name:
            raise ValueError("no name")


def previous_of(record: Record) -> bytes | None:
    """The 32 bytes of the digest that `record` names; no bytes for what is no digest."""
    if record.previous is None:
        return None
    # What is no digest is the digest of nothing, so the record is unlinked.
    return digest_bytes(record.previous) if is_digest(record.previous) else b""
