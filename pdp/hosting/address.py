"""Where a process listens, and who can reach it there."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from pdp.core.contract.errors import ConfigurationError, Problem

_UNIX: Final = "unix:"
_MAX_PORT: Final = 65535


class Exposure(StrEnum):
    """Who can reach a listener: processes of this machine, or the network."""

    LOOPBACK = "loopback"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host and a port; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def exposure(self) -> Exposure:
        """Loopback for `localhost`, `127.0.0.0/8` and `::1`."""
        return host_exposure(self.host)


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a socket in the file system."""

    path: Path

    def __str__(self) -> str:
        return f"{_UNIX}{self.path}"

    @property
    def exposure(self) -> Exposure:
        """Always loopback."""
        return Exposure.LOOPBACK


ListenAddress: TypeAlias = TcpAddress | UnixAddress


def host_exposure(host: str) -> Exposure:
    """Who can reach a listener on `host`; a name other than `localhost` counts as the network."""
    if host == "localhost":
        return Exposure.LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Exposure.NETWORK
    return Exposure.LOOPBACK if address.is_loopback else Exposure.NETWORK


def listen_address(text: str, *, setting: str) -> ListenAddress:
    """The address that the setting called `setting` holds: `host:port`, `[v6]:port` or `unix:/path`.

    Raises:
        ConfigurationError: it is none of these.

    """
    if text.startswith(_UNIX):
        path = Path(text.removeprefix(_UNIX))
        if path.is_absolute():
            return UnixAddress(path)
        raise _unreadable(text, setting)
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_v6_bare = ":" in host and not text.startswith("[")
    if not colon or not host or is_v6_bare or not port.isascii() or not port.isdigit() or int(port) > _MAX_PORT:
        raise _unreadable(text, setting)
    return TcpAddress(host, int(port))


def _unreadable(text: str, setting: str) -> ConfigurationError:
    message = f"`{text}` is no address to listen on: write `127.0.0.1:8181`, `[::1]:8181` or `unix:/run/toolgate.sock`"
    return ConfigurationError([Problem(setting, 0, 0, "listen_invalid", message)])
