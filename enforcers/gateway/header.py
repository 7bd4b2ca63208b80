"""Values in HTTP headers (MCP 2026-07-28, "Streamable HTTP", Value Encoding) and headers as a multimap."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

_PLAIN: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")
_SENTINEL: Final = re.compile(r"=\?base64\?(.*)\?=")


class HeaderError(ValueError):
    """A header has a value that must not be there."""


class Headers:
    """The headers of one request; names compare without regard to case."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip(" \t"))

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in the order they came."""
        return self._values.get(name.lower(), [])

    def one(self, name: str) -> str | None:
        """The value of `name`, None where there is none.

        Raises:
            HeaderError: there are several, so that two readers could differ.

        """
        values = self.all(name)
        if len(values) > 1:
            raise HeaderError(f"the header `{name}` is there more than once")
        return values[0] if values else None


def encoded(value: str) -> str:
    """`value` as a header carries it: itself where that is safe, else in the Base64 form."""
    if _PLAIN.fullmatch(value) and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode('ascii')}?="


def decoded(value: str) -> str:
    """The value that a header carries.

    Raises:
        HeaderError: it has characters no header may have, or a Base64 form that is not canonical.

    """
    if not _PLAIN.fullmatch(value):
        raise HeaderError("a header value has characters that are not allowed there")
    sentinel = _SENTINEL.fullmatch(value)
    if sentinel is None:
        return value
    try:
        raw = base64.b64decode(sentinel[1], validate=True)
        text = raw.decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise HeaderError("a header value is no Base64 of UTF-8 text") from error
    if base64.b64encode(raw).decode("ascii") != sentinel[1]:
        raise HeaderError("a header value is Base64 in another than its canonical form")
    return text
