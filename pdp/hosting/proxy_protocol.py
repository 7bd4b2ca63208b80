"""The PROXY protocol, versions 1 and 2 (haproxy.org, "The PROXY protocol"): who is at the other end of a proxy.

Strict: what the specification lets a receiver guess or ignore is refused here.
"""

import re
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pdp.hosting.networks import packed_address, read_address

Endpoint: TypeAlias = tuple[str, int]

MAX_TEXT_BYTES: Final = 107
"""The longest header of version 1, its line break included."""
MAX_BINARY_BYTES: Final = 16 + 4096
"""The longest header of version 2 that is read, its extensions included."""

_TEXT_START: Final = b"PROXY "
_BINARY_START: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_BINARY_HEAD: Final = 16
_LINE_END: Final = b"\r\n"
_UNKNOWN_LINE: Final = re.compile(rb"PROXY UNKNOWN(?: [\x20-\x7e]*)?")
_LINE: Final = re.compile(
    rb"PROXY (?:TCP4 ([0-9.]+) ([0-9.]+)|TCP6 (?=[^ ]*:)([^ ]+) (?=[^ ]*:)([^ ]+)) (0|[1-9][0-9]*) (0|[1-9][0-9]*)"
)
_MAX_PORT: Final = 0xFFFF

_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_UNSPECIFIED: Final = frozenset({0x00, 0x31})
"""No address that means anything here: none at all, or one in the file system."""
_ADDRESSES: Final = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}


class ProxyHeaderError(ValueError):
    """The bytes are no such header."""


class Said(StrEnum):
    """What the proxy says of the connection."""

    RELAYED = "relayed"
    """It relays one that `client` made."""
    LOCAL = "local"
    """It made the connection itself, to see whether we live."""
    UNKNOWN = "unknown"
    """It relays one, and does not say whose."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A header of `size` bytes; `client` is there where the connection is relayed."""

    size: int
    said: Said
    client: Endpoint | None = None


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header that `data` begins with, None where more of it has to come.

    Raises:
        ProxyHeaderError: it begins with none, or with one that is too long.

    """
    if data.startswith(_TEXT_START[: len(data)]):
        return _text(data)
    if data.startswith(_BINARY_START[: len(data)]):
        return _binary(data)
    raise ProxyHeaderError("the connection does not begin with a PROXY header")


def _text(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:MAX_TEXT_BYTES].partition(_LINE_END)
    if not end:
        if len(data) >= MAX_TEXT_BYTES:
            raise ProxyHeaderError("the PROXY line is too long")
        return None
    size = len(line) + len(end)
    if _UNKNOWN_LINE.fullmatch(line):
        return ProxyHeader(size, Said.UNKNOWN)
    match = _LINE.fullmatch(line)
    if match is None or int(match[5]) > _MAX_PORT or int(match[6]) > _MAX_PORT:
        raise ProxyHeaderError("the PROXY line is malformed")
    try:
        source, _ = (read_address(text.decode("ascii")) for text in match.groups()[:4] if text is not None)
    except ValueError as error:
        raise ProxyHeaderError("the PROXY line has an address that is none") from error
    return ProxyHeader(size, Said.RELAYED, (str(source), int(match[5])))


def _binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _BINARY_HEAD:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    size = _BINARY_HEAD + length
    if size > MAX_BINARY_BYTES:
        raise ProxyHeaderError("the PROXY header is too long")
    if command not in {_LOCAL, _PROXY}:
        raise ProxyHeaderError("the PROXY header has an unknown version or command")
    if len(data) < size:
        return None
    if command == _LOCAL:
        return ProxyHeader(size, Said.LOCAL)
    if family in _UNSPECIFIED:
        return ProxyHeader(size, Said.UNKNOWN)
    form = _ADDRESSES.get(family)
    if form is None or length < form.size:
        raise ProxyHeaderError("the PROXY header has an unknown family, or too few bytes for its addresses")
    source, _, port, _ = form.unpack_from(data, _BINARY_HEAD)
    return ProxyHeader(size, Said.RELAYED, (str(packed_address(source)), port))
