"""From which address a request comes: the peer's, or what listed proxies say of it.

A proxy that is listed is believed about who connected to it, and nobody else is. What cannot be read, or is
not said, is a refusal: a policy never sees an address that anybody could have made up.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.gateway import AddressSource
from pdp.hosting.networks import NOWHERE, Address, Networks, peer_address, read_address
from pdp.hosting.parameter_list import forwarded_elements

HEADERS: Final = {AddressSource.FORWARDED: "Forwarded", AddressSource.X_FORWARDED_FOR: "X-Forwarded-For"}
"""The header that each source reads; the others read none."""

_V6: Final = r"\[([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]"
_V4: Final = r"([0-9.]+)"
_HOP: Final = re.compile(rf"(?:{_V6}|{_V4})(?::[0-9]{{1,5}})?")
_NODE: Final = re.compile(rf"(?:{_V6}|{_V4})(?::(?:[0-9]{{1,5}}|_[A-Za-z0-9._-]+))?")


@dataclass(frozen=True, slots=True)
class ClientAddresses:
    """Where the address of a client is read, and the proxies that are believed about it."""

    source: AddressSource = AddressSource.PEER
    proxies: Networks = NOWHERE

    @property
    def header(self) -> str | None:
        """The header that is read, None where none is."""
        return HEADERS.get(self.source)

    def of(self, peer: str | None, *, said: Sequence[str]) -> Address:
        """The client's address; `peer` is the connection's, `said` are the header's values in their order.

        Raises:
            Refused: `address_refused`: a listed proxy does not say the address, or not so that it can be read.

        """
        try:
            nearest = peer_address(peer or "")
        except ValueError as error:
            raise _unknown("the address of the connection is not known") from error
        if self.header is None or nearest not in self.proxies:
            return nearest
        if not any(said):
            raise _unknown(f"the proxy `{nearest}` sends no `{self.header}`")
        try:
            return self._walked(said)
        except ValueError as error:
            raise _unknown(f"the proxy `{nearest}` sends a `{self.header}` that cannot be read") from error

    def _walked(self, said: Sequence[str]) -> Address:
        """The nearest address that is no listed proxy's; where all are, that from which the first one was asked."""
        found = None
        for found in self._hops(said):
            if found not in self.proxies:
                return found
        if found is None:
            raise ValueError("no element at all")
        return found

    def _hops(self, said: Sequence[str]) -> Iterator[Address]:
        """Who connected to the nearest proxy, then to the one before it, and so on."""
        if self.source is AddressSource.X_FORWARDED_FOR:
            return (_address_of(hop.strip(" \t")) for hop in reversed(",".join(said).split(",")))
        elements = [element for value in said for element in forwarded_elements(value)]
        return (_address_of_node(dict(element).get("for", "")) for element in reversed(elements))


def _address_of(hop: str) -> Address:
    """The address in an element of `X-Forwarded-For`, which nothing specifies; a port may follow it."""
    match = _HOP.fullmatch(hop)
    return read_address(hop if match is None else match[1] or match[2])


def _address_of_node(node: str) -> Address:
    """The address of a node (RFC 7239, section 6)."""
    match = _NODE.fullmatch(node)
    if match is None:
        raise ValueError("a node that is unknown, obfuscated, or none")
    return read_address(match[1] or match[2])


def _unknown(detail: str) -> Refused:
    return Refused(ReasonCode.ADDRESS_REFUSED, detail)
