"""The text of an API key: `tgk_`, its public id, `_`, its secret with a checksum.

The fixed beginning lets scanners find keys that leaked, the checksum tells a mistyped key from a wrong one
before any work is done. Base32 in lower case (RFC 4648, section 6), without padding.
"""

import base64
import re
import zlib
from dataclasses import dataclass, field
from typing import Final

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode

KEY_PREFIX: Final = "tgk_"
ID_BYTES: Final = 10
SECRET_BYTES: Final = 32

_ID: Final = r"[a-z2-7]{16}"
_KEY: Final = re.compile(rf"{KEY_PREFIX}(?P<id>{_ID})_(?P<secret>[a-z2-7]{{52}})(?P<check>[a-z2-7]{{7}})")
KEY_ID: Final = re.compile(_ID)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its holder has it."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The whole key."""
        return f"{KEY_PREFIX}{self.id}_{self.secret}{_checksum(self.id, self.secret)}"


def new_key(*, randomness: bytes) -> ApiKey:
    """A key made of `randomness`, 42 bytes of it."""
    if len(randomness) != ID_BYTES + SECRET_BYTES:
        raise ValueError(f"a key takes {ID_BYTES + SECRET_BYTES} random bytes")
    return ApiKey(_base32(randomness[:ID_BYTES]), _base32(randomness[ID_BYTES:]))


def read_key(text: str) -> ApiKey:
    """The key in `text`; whether there is such a key is not looked at.

    Raises:
        TokenError: `token_invalid`: it has another form, or its checksum is wrong.

    """
    match = _KEY.fullmatch(text)
    if match is None:
        raise TokenError(ReasonCode.TOKEN_INVALID, "not the form of an API key")
    if match["check"] != _checksum(match["id"], match["secret"]):
        raise TokenError(ReasonCode.TOKEN_INVALID, "the checksum of the API key is wrong")
    return ApiKey(match["id"], match["secret"])


def _checksum(key_id: str, secret: str) -> str:
    return _base32(zlib.crc32(f"{KEY_PREFIX}{key_id}_{secret}".encode()).to_bytes(4))


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode("ascii").rstrip("=").lower()
