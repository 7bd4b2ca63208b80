"""What the log's writer process is asked, and what it answers: length-prefixed MessagePack over a socket."""

import socket
import struct
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from pdp.audit.store import Announcement, Fault, Keeping
from pdp.core.settings.decision_point import LogSettings

_LENGTH: Final = struct.Struct(">Q")
_MAX_MESSAGE: Final = 2**32
_CHUNK: Final = 1024 * 1024


class Open(msgspec.Struct, frozen=True, tag=True):
    """The log to write to; `base` is what a relative path in `url` is relative to, timeouts are seconds."""

    url: str
    base: str
    connect_timeout: float
    lock_timeout: float
    statement_timeout: float

    @classmethod
    def of(cls, log: LogSettings, *, base: Path) -> "Open":
        """The log of the settings."""
        return cls(log.url, str(base.absolute()), log.connect_timeout, log.lock_timeout, log.statement_timeout)

    def settings(self) -> LogSettings:
        """Settings with all that matters to a store."""
        return LogSettings.model_construct(
            url=self.url,
            connect_timeout=self.connect_timeout,
            lock_timeout=self.lock_timeout,
            statement_timeout=self.statement_timeout,
        )


class Append(msgspec.Struct, frozen=True, tag=True):
    """The canonical bytes of records to commit."""

    contents: list[bytes]


class Announce(msgspec.Struct, frozen=True, tag=True):
    """What writers said they have."""

    announcements: list[Announcement]


class Probe(msgspec.Struct, frozen=True, tag=True):
    """Commit a write that is no record."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """It was done; of an append, what became of each record."""

    kept: list[tuple[Keeping, Fault | None]] = []


class Unfit(msgspec.Struct, frozen=True, tag=True):
    """A record cannot be stored."""

    text: str


class Unavailable(msgspec.Struct, frozen=True, tag=True):
    """Nothing can be, now."""

    text: str


Question: TypeAlias = Open | Append | Announce | Probe
Reply: TypeAlias = Done | Unfit | Unavailable

_QUESTIONS: Final[msgspec.msgpack.Decoder[Question]] = msgspec.msgpack.Decoder(Question)
_REPLIES: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


def send(connection: socket.socket, message: Question | Reply) -> None:
    """Send `message`.

    Raises:
        OSError: the other side is gone, or takes nothing for too long.

    """
    content = msgspec.msgpack.encode(message)
    connection.sendall(_LENGTH.pack(len(content)) + content)


def read_question(connection: socket.socket) -> Question | None:
    """The next question, None where the other side is gone.

    Raises:
        OSError: it cannot be read.

    """
    content = _read(connection)
    return None if content is None else _QUESTIONS.decode(content)


def read_reply(connection: socket.socket) -> Reply:
    """The reply.

    Raises:
        OSError: there is none.

    """
    content = _read(connection)
    if content is None:
        raise ConnectionResetError("the other side is gone")
    return _REPLIES.decode(content)


def _read(connection: socket.socket) -> bytes | None:
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _MAX_MESSAGE:
        raise ConnectionResetError("a message of an impossible length")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """`size` bytes, None where the other side went away before."""
    read = bytearray()
    while len(read) < size:
        piece = connection.recv(min(_CHUNK, size - len(read)))
        if not piece:
            return None
        read += piece
    return bytes(read)
