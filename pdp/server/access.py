"""Who may ask what: Origin, Host and credential, before anything of a request is read."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.hosting.address import Exposure, ListenAddress, UnixAddress, host_exposure
from pdp.server.enforcers import Enforcers, KnownEnforcer
from pdp.server.exchange import RefusedExchange, Request

_SCHEME: Final = "bearer "
_CHALLENGE: Final = ((b"www-authenticate", b'Bearer realm="toolgate"'),)


class Access(StrEnum):
    """What a path asks of its caller."""

    OPEN = "open"
    """Nothing."""
    LOCAL = "local"
    """A credential, unless only this machine can reach the listener."""
    ENFORCER = "enforcer"
    """A credential."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A caller without a credential."""


Caller: TypeAlias = KnownEnforcer | Anonymous


class Door:
    """Lets callers in, as the listener's exposure demands."""

    def __init__(self, enforcers: Enforcers, *, listen: ListenAddress) -> None:
        self._enforcers = enforcers
        self._listen = listen

    async def admit(self, request: Request, access: Access) -> Caller:
        """The caller of `request`, when it may go on.

        Raises:
            RefusedExchange: 403 for a browser's or a misdirected request, 401 without a good credential, 503 where that
                cannot be told now.

        """
        if access is Access.OPEN:
            return Anonymous()
        # (1) no page in a browser has business here, whatever name it reached us by
        if any(name == b"origin" for name, _ in request.headers):
            raise RefusedExchange(403, "requests from browsers are refused")
        # (2) a credential that is shown must be good, also where none is needed
        caller = await self._authenticate(request)
        # (3) without one: this machine only, and by a name that cannot be made to point here
        if isinstance(caller, Anonymous):
            if access is Access.ENFORCER or self._listen.exposure is Exposure.NETWORK:
                raise RefusedExchange(401, "a credential is required", headers=_CHALLENGE)
            self._check_host(request)
        return caller

    async def _authenticate(self, request: Request) -> Caller:
        credential = request.header(b"authorization")
        if credential is None:
            return Anonymous()
        if credential[: len(_SCHEME)].lower() != _SCHEME:
            raise _invalid()
        try:
            return await self._enforcers.identify(credential[len(_SCHEME) :].strip())
        except TokenError as error:
            if error.code is ReasonCode.ISSUER_UNAVAILABLE:
                raise RefusedExchange(503, CALLER_TEXT[error.code]) from error
            raise _invalid() from error

    def _check_host(self, request: Request) -> None:
        """Against DNS rebinding: the name must be one that only this machine answers to."""
        if isinstance(self._listen, UnixAddress):
            return
        host = host_name(request.header(b"host") or "")
        if host_exposure(host) is Exposure.NETWORK and host != self._listen.host.lower():
            raise RefusedExchange(403, "the header `host` does not name this listener")


def _invalid() -> RefusedExchange:
    return RefusedExchange(401, "the credential is not valid", headers=_CHALLENGE)


def host_name(host: str) -> str:
    """The name or address in a Host header, empty when it cannot be read."""
    if host.startswith("["):
        address, bracket, rest = host[1:].partition("]")
        is_v6 = bracket and _is_port(rest) and _is_address(address)
        return address if is_v6 else ""
    name, colon, port = host.partition(":")
    return name.lower() if _is_port(colon + port) else ""


def _is_port(text: str) -> bool:
    digits = text.removeprefix(":")
    return not text or (text.startswith(":") and digits.isascii() and digits.isdigit())


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
