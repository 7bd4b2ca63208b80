"""Arguments marked `path`: one form for the one that is decided and the one that is forwarded.

Tried without it: `like "/srv/*"` allows `/srv/../etc/shadow`.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

from pdp.core.catalog.forms.form import FormError, check_folding, check_length, check_visible
from pdp.core.catalog.forms.windows import check_name

_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_MAX_LENGTH: Final = 4096
_SYNTAX: Final = "/\\.~%"
_EXPANDED: Final = re.compile(r"^\$|\$[{(]")


def normalise_path(text: str) -> str:
    r"""`text` percent-decoded once, in Unicode's NFC, without `.`, `..` and empty segments.

    Raises:
        FormError: it climbs above its start, or holds what some readers would decode, expand or cut:
            control and invisible characters, a backslash, space around it, a second layer of
            percent-encoding, a leading `~`, a variable, characters that become path syntax, names that
            Windows reads otherwise.

    """
    check_length(text, what="path", most=_MAX_LENGTH)
    plain = unicodedata.normalize("NFC", _decode(text))
    _check_text(plain)
    names = _names(plain)
    for name in names:
        _check_name(name)
    if plain.startswith("/"):
        return "/" + "/".join(names)
    if names and names[0].startswith("~"):
        raise FormError("the path starts with `~`")
    return "/".join(names) or "."


def _decode(text: str) -> str:
    if not _ESCAPE.search(text):
        return text
    try:
        plain = unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        raise FormError("the percent-encoding is not UTF-8") from None
    if _ESCAPE.search(plain):
        raise FormError("the path is percent-encoded more than once")
    return plain


def _check_text(plain: str) -> None:
    check_length(plain, what="path", most=_MAX_LENGTH)
    if "\\" in plain:
        raise FormError("the path has a backslash")
    check_visible(plain, what="path")
    check_folding(plain, what="path", syntax=_SYNTAX)
    if plain != plain.strip():
        raise FormError("the path has space around it")


def _names(plain: str) -> list[str]:
    names: list[str] = []
    for segment in plain.split("/"):
        if segment in {"", "."}:
            continue
        if segment != "..":
            names.append(segment)
        elif names:
            names.pop()
        else:
            raise FormError("the path climbs above its start")
    return names


def _check_name(name: str) -> None:
    if _EXPANDED.search(name):
        raise FormError("a name in the path has a variable in it")
    check_name(name)
