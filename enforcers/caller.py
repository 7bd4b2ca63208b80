"""Who calls, before and after the token was verified."""

from dataclasses import dataclass
from enum import StrEnum

from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.principal import Principal
from pdp.tokens.presented import Presented


class Transport(StrEnum):
    """How the caller reaches the enforcer."""

    STREAMABLE_HTTP = "streamable-http"
    STDIO = "stdio"


@dataclass(frozen=True, slots=True)
class Caller:
    """What the host saw of the one who calls; nothing in it is believed yet."""

    credential: Presented | None
    transport: Transport
    session: str | None = None
    client_ip: str | None = None


@dataclass(frozen=True, slots=True)
class Identified:
    """A caller whose token was verified, and what its claims were mapped to; only the chain makes one."""

    caller: Caller
    principal: Principal
    claims: VerifiedClaims
