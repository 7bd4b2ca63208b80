"""Claims of a credential that was verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CredentialKind(StrEnum):
    """What was verified."""

    SIGNED = "signed"
    """A JWT."""
    INTROSPECTED = "introspected"
    """An opaque token that its issuer vouches for (RFC 7662)."""
    API_KEY = "api_key"
    PASSWORD = "password"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the holder of a token must show beside it (RFC 7800): SHA-256 thumbprints, base64url; None is nothing."""

    key: str | None = None
    """`cnf.jkt`: the key that signs its proofs (RFC 9449, section 6)."""
    certificate: str | None = None
    """`cnf.x5t#S256`: its client certificate (RFC 8705, section 3.1)."""


UNBOUND = Confirmation()


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a verified credential says; `alias` is the configured short name of its issuer.

    `expires_at` is Unix seconds. `claims` are the token's own, as the issuer wrote them.
    """

    alias: str
    issuer: str
    subject: str
    expires_at: float
    claims: Mapping[str, Any]
    kind: CredentialKind = CredentialKind.SIGNED
    confirmation: Confirmation = UNBOUND
