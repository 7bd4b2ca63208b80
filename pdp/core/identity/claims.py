"""Claims of a token that was verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a verified token says; `alias` is the configured short name of its issuer.

    `expires_at` is Unix seconds. `claims` are the token's own, as the issuer wrote them.
    """

    alias: str
    issuer: str
    subject: str
    expires_at: float
    claims: Mapping[str, Any]
