"""Arguments marked `url`: one form for the one that is decided and the one that is forwarded.

Read by the grammar of RFC 3986 alone, without the repairs that browsers and libraries make, for each makes
its own. Normalised by its section 6.2.2 (case, percent-encoding, dot segments) and 6.2.3 (default port, `/`).
"""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from pdp.core.catalog.forms.form import FormError, check_folding, check_length, check_visible
from pdp.core.catalog.forms.host import normalise_host

_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ssh": 22, "sftp": 22, "git": 9418}
"""The schemes there are, with the port that is meant where none is written."""
_MAX_PORT: Final = 65_535
_MAX_LENGTH: Final = 8192
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^:\[\]@%]*)(?::(?P<port>[0-9]{0,5}))?")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_DOUBLE: Final = re.compile(r"%25[0-9A-Fa-f]{2}")
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-F]{2})*")
_QUERY: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ASCII: Final = "".join(map(chr, range(0x20, 0x7F)))
_BRACKETS: Final = str.maketrans({"[": "%5B", "]": "%5D"})
_SYNTAX: Final = "/\\.%?#;"


def normalise_url(text: str) -> str:
    """`text` as scheme, host, port unless it is the scheme's, path without dot segments, query and fragment.

    Raises:
        FormError: it is no absolute URL of a known scheme with a host, or readers could read it
            differently: a user, space, backslashes, control and invisible characters, a path that
            climbs above its root, has empty parts, parameters (`;`), an encoded slash or a second
            layer of percent-encoding.

    """
    check_length(text, what="URL", most=_MAX_LENGTH)
    check_visible(text, what="URL")
    parts = _URL.fullmatch(text)
    if parts is None or not parts["authority"]:
        raise FormError("the URL is not of the form `scheme://host/path`")
    scheme = parts["scheme"].lower()
    if scheme not in _PORTS:
        raise FormError(f"the URL's scheme is none of {', '.join(f'`{each}`' for each in _PORTS)}")
    authority = _authority(parts["authority"], scheme)
    path, query, fragment = _path(parts["path"]), _query(parts["query"]), _query(parts["fragment"])
    normal = f"{scheme}://{authority}{path}{query}{fragment}"
    check_length(normal, what="URL", most=_MAX_LENGTH)
    return normal


def _authority(text: str, scheme: str) -> str:
    if "@" in text:
        raise FormError("the URL has a user or password")
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise FormError("the URL's host or port is malformed")
    host = normalise_host(parts["host"])
    if ":" in host:
        host = f"[{host}]"
    if not parts["port"]:
        return host
    port = int(parts["port"])
    if not 0 < port <= _MAX_PORT:
        raise FormError(f"the URL's port is not from 1 to {_MAX_PORT}")
    return host if port == _PORTS[scheme] else f"{host}:{port}"


def _path(text: str) -> str:
    path = _encoded(text)
    if not _PATH.fullmatch(path):
        raise FormError("the URL's path has a character that belongs encoded, or a `;`")
    if _DOUBLE.search(path):
        raise FormError("the URL's path is percent-encoded more than once")
    _check_decoded(path)
    segments: list[str] = []
    *inner, last = path.split("/")[1:] or [""]
    for segment in inner:
        _enter(segment, segments)
    if last in {".", ".."}:
        _enter(last, segments)
        last = ""
    return "/" + "".join(f"{segment}/" for segment in segments) + last


def _enter(segment: str, segments: list[str]) -> None:
    """Follow one segment down or up (RFC 3986, section 5.2.4)."""
    if not segment:
        raise FormError("the URL's path has an empty part")
    if segment == "..":
        if not segments:
            raise FormError("the URL's path climbs above its root")
        segments.pop()
    elif segment != ".":
        segments.append(segment)


def _check_decoded(path: str) -> None:
    """INVARIANT: a server that decodes before it splits, or folds Unicode, finds the same segments."""
    try:
        plain = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise FormError("the URL's path is not UTF-8") from None
    if plain.count("/") != path.count("/") or "\\" in plain or ";" in plain:
        raise FormError("the URL's path has an encoded slash, backslash or `;`")
    check_visible(plain, what="URL's path")
    check_folding(plain, what="URL's path", syntax=_SYNTAX)


def _query(text: str | None) -> str:
    """A query or fragment with the character that it starts with, "" where there is none."""
    if text is None:
        return ""
    encoded = _encoded(text[1:].translate(_BRACKETS))
    if not _QUERY.fullmatch(encoded):
        raise FormError("the URL's query or fragment has a character that belongs encoded")
    return text[0] + encoded


def _encoded(text: str) -> str:
    """`text` in ASCII, its percent-encodings in upper case and only where they are needed."""
    return _ESCAPE.sub(_escape, quote(text, safe=_ASCII))


def _escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()
