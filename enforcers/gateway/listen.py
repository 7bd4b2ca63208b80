"""Under which names the gateway may be addressed where it listens."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.hosting.address import Exposure, TcpAddress, listen_address

_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


def tcp_address(text: str) -> TcpAddress:
    """The address in the setting `gateway.listen`.

    Raises:
        ConfigurationError: it is no `host:port`.

    """
    address = listen_address(text, setting="gateway.listen")
    if not isinstance(address, TcpAddress):
        problem = Problem("gateway.listen", 0, 0, "listen_invalid", "the gateway listens on `host:port` only")
        raise ConfigurationError([problem])
    return address


def allowed_hosts(bound: TcpAddress, *, resource: str | None, configured: Iterable[str]) -> frozenset[str]:
    """The `Host` headers that are answered: names with or without a port, in lower case.

    Raises:
        ConfigurationError: the address is reachable from elsewhere, and nothing says under which name.

    """
    hosts = {host.lower() for host in configured}
    if resource is not None:
        hosts.add(urlsplit(resource).netloc.lower())
    if bound.exposure is Exposure.LOOPBACK:
        hosts.update(f"{name}:{bound.port}" for name in _LOOPBACK_NAMES)
    if not hosts:
        text = "a gateway that does not listen on loopback needs `gateway.resource` or `gateway.allowed_hosts`"
        raise ConfigurationError([Problem("gateway", 0, 0, "allowed_hosts_missing", text)])
    return frozenset(hosts)
