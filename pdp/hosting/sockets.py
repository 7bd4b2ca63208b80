"""Sockets to listen on."""

import os
import socket
import stat
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError
from pdp.hosting.address import Exposure, ListenAddress, TcpAddress, UnixAddress, host_exposure

_SOCKET_MASK: Final = 0o117


def bind(listen: ListenAddress) -> socket.socket:
    """A socket bound to `listen`.

    Raises:
        UnusableError: that cannot be done, or the name of a loopback listener is another address.

    """
    try:
        return _bind_unix(listen.path) if isinstance(listen, UnixAddress) else _bind_tcp(listen)
    except OSError as error:
        raise UnusableError(f"`{listen}` cannot be listened on: {error.strerror}") from error


def with_real_port(address: TcpAddress, *, socket: socket.socket) -> TcpAddress:
    """`address`, to which `socket` is bound, once port 0 has become a real one."""
    return TcpAddress(address.host, int(socket.getsockname()[1]))


def _bind_tcp(listen: TcpAddress) -> socket.socket:
    found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    # INVARIANT: what is open to callers without a credential is bound to nothing but loopback.
    if listen.exposure is Exposure.LOOPBACK and host_exposure(str(address[0])) is Exposure.NETWORK:
        raise UnusableError(f"`{listen.host}` does not resolve to a loopback address here")
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _bind_unix(path: Path) -> socket.socket:
    """A socket for owner and group; a file that a killed process left behind is replaced."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_SOCKET_MASK)
    try:
        if _is_left_behind(path):
            path.unlink()
        bound.bind(str(path))
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)
    return bound


def _is_left_behind(path: Path) -> bool:
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False
