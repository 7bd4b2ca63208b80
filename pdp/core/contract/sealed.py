"""Records as they are kept: the canonical bytes, and the digest that the next record of the chain names."""

from typing import Any, Final

import msgspec

from pdp.core.contract.digest import digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record import Record

MAX_RECORD_BYTES: Final = 1024 * 1024
"""The most that one record has; arguments are left out of a record that would have more."""


class Sealed:
    """A record, its canonical JSON, and `sha256:` and the digest of that; what is not given is read when asked for.

    Reading `record` raises a MsgspecError where `content` is none. Two are equal where their contents are.
    """

    __slots__ = ("_digest", "_record", "content")

    def __init__(self, record: Record | None, content: bytes, digest: str | None = None) -> None:
        self.content: Final = content
        self._record = record
        self._digest = digest

    @property
    def record(self) -> Record:
        """The record."""
        if self._record is None:
            self._record = _DECODER.decode(self.content)
        return self._record

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hex digits over the content."""
        if self._digest is None:
            self._digest = digest_of(self.content)
        return self._digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)

    def __repr__(self) -> str:
        return f"Sealed({self.content!r})"


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


def unread(content: bytes) -> Sealed:
    """What has the canonical JSON `content`, of which nobody has looked yet whether it is a record."""
    return Sealed(None, content)


_DECODER: Final[msgspec.json.Decoder[Record]] = msgspec.json.Decoder(Record)
