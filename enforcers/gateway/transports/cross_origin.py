"""What lets scripts of allowed origins, and of no others, read answers (Fetch, "CORS protocol")."""

from collections.abc import Set as AbstractSet
from typing import Final

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.exchange import Header

_EXPOSED: Final = b"WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce, Retry-After"
# The wildcard stands for every other header, `Mcp-Param-*` too; it never covers `Authorization`.
_ACCEPTED: Final = b"Authorization, *"
_MAX_AGE: Final = b"600"


def shared_with(headers: Headers, *, origins: AbstractSet[str]) -> list[Header]:
    """The headers of an answer to a script of an origin in `origins`, none to anybody else."""
    sent = headers.all("origin")
    if len(sent) != 1 or sent[0] not in origins:
        return []
    return [
        (b"access-control-allow-origin", sent[0].encode("latin-1")),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"Origin"),
    ]


def preflight(headers: Headers, *, origins: AbstractSet[str], methods: bytes) -> list[Header]:
    """The headers of an answer to `OPTIONS`: what a script may send with `methods`."""
    shared = shared_with(headers, origins=origins)
    if not shared:
        return [(b"allow", methods)]
    return [
        (b"allow", methods),
        *shared,
        (b"access-control-allow-methods", methods),
        (b"access-control-allow-headers", _ACCEPTED),
        (b"access-control-max-age", _MAX_AGE),
    ]
