"""How a client learns which token is wanted: challenges (RFC 6750) and resource metadata (RFC 9728)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """This gateway as a resource: its identifier and the issuers whose tokens it takes."""

    resource: str
    issuers: Sequence[str]

    @property
    def metadata_url(self) -> str:
        """Where the metadata is (RFC 9728, section 3.1)."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"

    def metadata(self) -> dict[str, Any]:
        """The metadata document."""
        document: dict[str, Any] = {"resource": self.resource, "bearer_methods_supported": ["header"]}
        return document | ({"authorization_servers": list(self.issuers)} if self.issuers else {})

    def challenge(self, code: ReasonCode) -> bytes:
        """The value of `WWW-Authenticate` for a refusal; without a token it names no error."""
        parts = [f'resource_metadata="{self.metadata_url}"']
        if code is not ReasonCode.TOKEN_MISSING:
            error = "insufficient_scope" if code is ReasonCode.SCOPE_MISSING else "invalid_token"
            parts += [f'error="{error}"', f'error_description="{CALLER_TEXT[code]}"']
        return f"Bearer {', '.join(parts)}".encode("latin-1", errors="replace")
