"""The URL that a proof is for, in one form (RFC 9449 section 4.3; RFC 3986 sections 6.2.2 and 6.2.3)."""

import re
import string
from typing import Final

_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~-]{1,253})"
    r"(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)"
    r"(?:\?[!-~]*)?(?:\#[!-~]*)?",
    re.IGNORECASE,
)
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset(string.ascii_letters + string.digits + "-._~")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_LENGTH: Final = 2048


def target(url: str) -> str | None:
    """`url` without query and fragment, in the form in which equal URLs are equal texts; None when it is no such URL.

    Scheme, host and escapes are written in one way and a default port is left out. Dot segments stay as they
    are, so that a proof which has them is for no URL of ours.
    """
    match = _URL.fullmatch(url) if len(url) <= _MAX_LENGTH else None
    if match is None:
        return None
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    shown_port = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{host}{shown_port}{_ESCAPE.sub(_one_way, match['path'] or '/')}"


def _one_way(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()
