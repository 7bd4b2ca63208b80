"""Where the gateway listens and under which names it may be addressed there."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pdp.core.contract.errors import ConfigurationError, Problem

_LISTEN: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})")
_MAX_PORT: Final = 65_535
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port; `host` is an address or a name, without brackets."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def authority(self) -> str:
        """`host:port` as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> Address:
    """The address in `text`, `host:port` or `[address]:port`.

    Raises:
        ConfigurationError: it is neither.

    """
    match = _LISTEN.fullmatch(text)
    if match is None or int(match[3]) > _MAX_PORT:
        problem = Problem("gateway.listen", 0, 0, "listen_invalid", f"`{text}` is neither `host:port` nor `[::1]:port`")
        raise ConfigurationError([problem])
    return Address(match[1] or match[2], int(match[3]))


def allowed_hosts(bound: Address, *, resource: str | None, configured: Iterable[str]) -> frozenset[str]:
    """The `Host` headers that are answered: names with or without a port, in lower case.

    Raises:
        ConfigurationError: the address is reachable from elsewhere, and nothing says under which name.

    """
    hosts = {host.lower() for host in configured}
    if resource is not None:
        hosts.add(urlsplit(resource).netloc.lower())
    if bound.is_loopback:
        hosts.update(f"{name}:{bound.port}" for name in _LOOPBACK_NAMES)
    if not hosts:
        text = "a gateway that does not listen on loopback needs `gateway.resource` or `gateway.allowed_hosts`"
        raise ConfigurationError([Problem("gateway", 0, 0, "allowed_hosts_missing", text)])
    return frozenset(hosts)
