"""IP addresses in one form, and networks that hold them."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_address(text: str) -> Address:
    """The address that `text` writes; an IPv4 address in IPv6 (RFC 4291, section 2.5.5.2) is the IPv4 address.

    Raises:
        ValueError: it writes none, or one with a zone, which means something on one machine only.

    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ValueError("an address with a zone")
        return address.ipv4_mapped or address
    return address


def packed_address(raw: bytes) -> Address:
    """The address in its 4 or 16 bytes, as `read_address` has it."""
    return read_address(str(ipaddress.ip_address(raw)))


def peer_address(host: str) -> Address:
    """The address of a socket's peer, as the system names it; its zone is left out.

    Raises:
        ValueError: it is none.

    """
    return read_address(host.partition("%")[0])


@dataclass(frozen=True, slots=True)
class Networks:
    """Some networks; without any it holds no address."""

    members: tuple[Network, ...] = ()

    @staticmethod
    def of(texts: Iterable[str]) -> "Networks":
        """The networks that `texts` write as `address/length`, or as an address alone.

        Raises:
            ValueError: one of them is no network.

        """
        return Networks(tuple(ipaddress.ip_network(text) for text in texts))

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self.members)


NOWHERE = Networks()
