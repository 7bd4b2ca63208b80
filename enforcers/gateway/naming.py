"""Names of tools as clients see them (DESIGN 9, "Names on the wire")."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from enforcers.offer import Offer

_LEGAL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEGAL_UNPREFIXED: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_-]")
_MAX: Final = 64
_DIGEST: Final = 10


class Naming(Protocol):
    """A rule that gives each tool its name on the wire."""

    def wire_name(self, server: str, *, tool: str) -> str:
        """The name under which clients see `tool` of `server`."""
        ...


class Prefixed:
    """`server__tool`: what a gateway before many servers uses."""

    def wire_name(self, server: str, *, tool: str) -> str:
        """`server__tool` where that is legal, else a legal name that ends with a digest of both."""
        return _legal(f"{server}__{tool}", server=server, tool=tool, legal=_LEGAL)


class Unprefixed:
    """The server's own names: what stands before one server uses, so that clients need not change."""

    def wire_name(self, server: str, *, tool: str) -> str:
        """`tool` where MCP allows it as a name, else a legal name that ends with a digest."""
        return _legal(tool, server=server, tool=tool, legal=_LEGAL_UNPREFIXED)


def named(offers: Iterable[Offer], *, naming: Naming) -> Mapping[str, Sequence[Offer]]:
    """The offers by wire name, in the order of names; which of several counts, the catalog says."""
    groups: dict[str, list[Offer]] = {}
    for offer in offers:
        groups.setdefault(naming.wire_name(offer.server, tool=offer.tool), []).append(offer)
    return dict(sorted(groups.items()))


def _legal(name: str, *, server: str, tool: str, legal: re.Pattern[str]) -> str:
    if legal.fullmatch(name):
        return name
    mark = hashlib.sha256(f"{server}/{tool}".encode()).hexdigest()[:_DIGEST]
    return f"{_ILLEGAL.sub('_', name)[: _MAX - _DIGEST - 1]}_{mark}"
