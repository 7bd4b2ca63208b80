"""Which network addresses a fetch may go to, and how a name is resolved to them."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeAlias

from pdp.hosting.address import Exposure
from pdp.tokens.fetch.unavailable import UnavailableError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


_LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
# Whatever the IANA registries of special-purpose addresses (RFC 6890) have that is not globally
# reachable, multicast, and the blocks that carry another address in them.
_SPECIAL: Final = _networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
)
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""INVARIANT: of IPv6 only global unicast (RFC 4291, section 2.4); IPv4-mapped, NAT64 and local ones lie outside."""


class Resolver(Protocol):
    """Resolves names."""

    async def addresses(self, host: str, *, port: int) -> Sequence[Address]:
        """The addresses of `host`, best first; a literal address is its own.

        Raises:
            OSError: it has none, or nobody can be asked.

        """
        ...


class SystemResolver:
    """Resolves as the operating system does."""

    async def addresses(self, host: str, *, port: int) -> Sequence[Address]:
        """The addresses of `host`, best first."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


class Reach:
    """Where fetches may go: public addresses and `private_networks`, or this machine for what is configured there."""

    def __init__(self, private_networks: Iterable[Network] = ()) -> None:
        self._private = tuple(private_networks)

    def within(self, addresses: Iterable[Address], *, exposure: Exposure) -> tuple[Address, ...]:
        """Those of `addresses` that an endpoint with `exposure` may be connected to.

        Raises:
            UnavailableError: none may.

        """
        permitted = tuple(address for address in addresses if self._permits(address, exposure))
        if not permitted:
            raise UnavailableError("the host has no address that may be connected to")
        return permitted

    def _permits(self, address: Address, exposure: Exposure) -> bool:
        if exposure is Exposure.LOOPBACK:
            return _is_in(address, _LOOPBACK)
        if _is_in(address, self._private):
            return True
        return not _is_in(address, _SPECIAL) and (address.version == 4 or address in _GLOBAL_V6)  # noqa: PLR2004 - IPv4


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
