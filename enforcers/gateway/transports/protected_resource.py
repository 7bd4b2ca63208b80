"""This gateway as an OAuth protected resource: its metadata (RFC 9728)."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from pdp.tokens.presented import Scheme

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_NO_REQUIREMENT: Final = "offline_access"


class Acceptance(StrEnum):
    """Whether tokens may be bound to something that their holder shows beside them."""

    UNSUPPORTED = "unsupported"
    ACCEPTED = "accepted"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Holders:
    """What holders of tokens may and must show: proofs under a key (RFC 9449), a certificate (RFC 8705)."""

    proofs: Acceptance = Acceptance.UNSUPPORTED
    algorithms: Sequence[str] = ()
    certificates: Acceptance = Acceptance.UNSUPPORTED


BEARERS: Final = Holders()


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """Its identifier, the issuers whose tokens it takes, and how they are presented.

    `scopes` says, whenever it is asked, which scopes every use of it needs.
    """

    resource: str
    issuers: Sequence[str]
    name: str | None = None
    holders: Holders = BEARERS
    scopes: Callable[[], Iterable[str]] = tuple
    passwords: Sequence[Scheme] = ()

    @property
    def metadata_url(self) -> str:
        """Where the metadata is (RFC 9728, section 3.1)."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"

    @property
    def schemes(self) -> list[Scheme]:
        """The schemes that credentials may come with, the one that most clients know first."""
        proofs = [] if self.holders.proofs is Acceptance.UNSUPPORTED else [Scheme.DPOP]
        return [Scheme.BEARER, *proofs, *self.passwords]

    def basic_scopes(self) -> list[str]:
        """The scopes to begin with (MCP 2026-07-28, "Scope Selection Strategy"): what no use can do without.

        More is asked for when a call needs it. A refresh token is nothing that a resource requires.
        """
        return written(scope for scope in self.scopes() if scope != _NO_REQUIREMENT)

    def metadata(self) -> dict[str, Any]:
        """The metadata document (RFC 9728, section 2); members that would be empty are left out."""
        holders = self.holders
        members: dict[str, Any] = {
            "resource": self.resource,
            "authorization_servers": list(self.issuers),
            "scopes_supported": self.basic_scopes(),
            "bearer_methods_supported": ["header"],
            "resource_name": self.name,
            "dpop_signing_alg_values_supported": list(holders.algorithms),
            "dpop_bound_access_tokens_required": holders.proofs is Acceptance.REQUIRED,
            "tls_client_certificate_bound_access_tokens": holders.certificates is not Acceptance.UNSUPPORTED,
        }
        return {name: value for name, value in members.items() if value}


def written(scopes: Iterable[str]) -> list[str]:
    """The scopes that can be written in a list of them (RFC 6749, section 3.3), sorted."""
    return sorted({scope for scope in scopes if _SCOPE.fullmatch(scope)})
