"""A credential as it was presented: nothing in it is believed yet."""

from dataclasses import dataclass, field
from enum import StrEnum


class Scheme(StrEnum):
    """How a credential is presented (RFC 9110, section 11.1)."""

    BEARER = "bearer"
    DPOP = "dpop"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class Presented:
    """One credential, with what the host saw beside it.

    `proof` is the value of the header `DPoP`, `method` and `url` are what it must be for (RFC 9449,
    section 4.3). `certificate` is the SHA-256 thumbprint, base64url, of the client's certificate as a
    trusted terminator names it. Over stdio there is neither.
    """

    scheme: Scheme
    value: str = field(repr=False)
    proof: str | None = field(default=None, repr=False)
    method: str = ""
    url: str = ""
    certificate: str | None = None


def bearer(token: str) -> Presented:
    """The bearer token `token`, with nothing beside it."""
    return Presented(Scheme.BEARER, token)
