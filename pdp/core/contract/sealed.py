"""Records as they are kept: the canonical bytes, and the digest that the next record of the chain names."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pdp.core.contract.digest import digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record import Record

MAX_RECORD_BYTES: Final = 1024 * 1024
"""The most that one record has; arguments are left out of a record that would have more."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record, its canonical JSON, and `sha256:` and the digest of that."""

    record: Record
    content: bytes
    digest: str


def seal(record: Record) -> Sealed:
    """`record` as it is kept."""
    content = msgspec.json.encode(record, order="sorted")
    return Sealed(record, content, digest_of(content))


def sealed_json(value: Any) -> Sealed:
    """The record that the parsed JSON `value` is, as whoever wrote it has it: what it says by default stays said.

    Raises:
        msgspec.ValidationError: it is no record.

    """
    content = canonical(value)
    return Sealed(msgspec.convert(value, Record, strict=True), content, digest_of(content))


def unseal(content: bytes) -> Sealed:
    """The record with the canonical JSON `content`.

    Raises:
        msgspec.MsgspecError: it is none.

    """
    return Sealed(_DECODER.decode(content), content, digest_of(content))


_DECODER: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record)
