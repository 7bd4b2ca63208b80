"""Arguments marked `path`: one form for the one that is decided and the one that is forwarded.

Tried without it: `like "/srv/*"` allows `/srv/../etc/shadow`.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_MAX_LENGTH: Final = 4096


class PathError(ValueError):
    """The text names no path that every reader would read alike; the message has the rule, not the text."""


def normalise_path(text: str) -> str:
    r"""`text` percent-decoded once, without `.`, `..` and empty segments.

    Raises:
        PathError: it climbs above its start, or holds what some readers would decode, expand or cut:
            NUL and other control characters, a backslash, a second layer of percent-encoding, a
            leading `~`, characters that a Unicode normalisation turns into `/`, `\` or `.`.

    """
    if not text or len(text) > _MAX_LENGTH:
        raise PathError(f"a path has 1 to {_MAX_LENGTH} characters")
    plain = _decode(text)
    _check_characters(plain)
    segments: list[str] = []
    for segment in plain.split("/"):
        if segment in {"", "."}:
            continue
        if segment == "..":
            if not segments:
                raise PathError("the path climbs above its start")
            segments.pop()
        else:
            segments.append(segment)
    if not plain.startswith("/"):
        if segments and segments[0].startswith("~"):
            raise PathError("the path starts with `~`")
        return "/".join(segments) or "."
    return "/" + "/".join(segments)


def _decode(text: str) -> str:
    if not _ESCAPE.search(text):
        return text
    try:
        plain = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise PathError("the percent-encoding is not UTF-8") from None
    if _ESCAPE.search(plain):
        raise PathError("the path is percent-encoded more than once")
    return plain


def _check_characters(plain: str) -> None:
    for character in plain:
        if character == "\\" or unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"}:
            raise PathError("the path has a control character, an invisible character or a backslash")
    folded = unicodedata.normalize("NFKC", plain)
    if folded != plain and any(folded.count(c) != plain.count(c) for c in "/\\.~%"):
        raise PathError("the path has characters that Unicode normalisation turns into path syntax")
