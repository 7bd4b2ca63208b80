"""Base64url without padding (RFC 7515, section 2), each value in its one spelling."""

import base64
import binascii


def encode(content: bytes) -> str:
    """`content` as text."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes that `text` spells.

    Raises:
        ValueError: it is no base64url, or another spelling of what it says.

    """
    try:
        content = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("no base64url") from error
    # The decoder passes over foreign characters, and several last characters spell one byte.
    if encode(content) != text:
        raise ValueError("not the one spelling")
    return content
