"""The issuer of our own: short-lived access tokens (RFC 9068) signed with a key of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pdp.core.settings.local_identity import LocalIssuerSettings
from pdp.tokens.local.signing_key import SigningKey


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, good for `expires_in` seconds."""

    text: str = field(repr=False)
    expires_in: int


class LocalIssuer:
    """Signs tokens; `alias`, `issuer` and `audience` are those of the settings."""

    def __init__(self, settings: LocalIssuerSettings, *, key: SigningKey) -> None:
        self.alias = settings.alias
        self.issuer = settings.issuer
        self.audience = settings.audience
        self.key = key
        self._ttl = settings.token_ttl

    @classmethod
    def open(cls, settings: LocalIssuerSettings, *, base: Path) -> "LocalIssuer":
        """The issuer of `settings`; its key file, relative to `base`, is created where there is none.

        Raises:
            UnusableError: the key file cannot be created, others can read it, or it holds no such key.

        """
        return cls(settings, key=SigningKey.open(base / settings.key))

    def issue(self, claims: Mapping[str, Any], *, now: float, token_id: str, until: float | None = None) -> IssuedToken:
        """A token for `claims`, good from `now` as long as tokens are, but not beyond `until`; both Unix seconds."""
        expires_at = int(now + self._ttl if until is None else min(now + self._ttl, until))
        issued = {"iss": self.issuer, "aud": self.audience, "jti": token_id, "iat": int(now), "exp": expires_at}
        return IssuedToken(self.key.sign({**claims, **issued}), expires_at - int(now))
