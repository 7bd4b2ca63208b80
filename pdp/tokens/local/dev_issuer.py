"""A local issuer for trying things out: its key is a file of this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pdp.core.settings.identity import DevIssuerSettings
from pdp.tokens.local.signing_key import SIGNING_ALGORITHM, SigningKey

DEV_ALGORITHM: Final = SIGNING_ALGORITHM


@dataclass(frozen=True, slots=True)
class DevClaims:
    """Whom a development token speaks for; `actors` are nearest first."""

    subject: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    tenant: str | None = None
    client_id: str | None = None
    actors: tuple[str, ...] = ()

    def members(self) -> dict[str, Any]:
        """These as claims of a token; what is absent stays absent."""
        act: dict[str, Any] | None = None
        for actor in reversed(self.actors):
            act = {"sub": actor} if act is None else {"sub": actor, "act": act}
        claims = {
            "sub": self.subject,
            "groups": list(self.groups) or None,
            "roles": list(self.roles) or None,
            "scope": " ".join(self.scopes) or None,
            "tenant": self.tenant,
            "client_id": self.client_id,
            "act": act,
        }
        return {name: value for name, value in claims.items() if value is not None}


class DevIssuer:
    """Signs tokens with a key from a file, and gives the public half as a key set."""

    def __init__(self, settings: DevIssuerSettings, key: SigningKey) -> None:
        self._settings = settings
        self._key = key

    @classmethod
    def open(cls, settings: DevIssuerSettings, *, base: Path) -> "DevIssuer":
        """The issuer of `settings`; its key file, relative to `base`, is created where there is none.

        Raises:
            UnusableError: the key file cannot be created, others can read it, or it holds no such key.

        """
        return cls(settings, SigningKey.open(base / settings.key))

    def sign(self, claims: DevClaims, *, now: float, ttl: float, token_id: str) -> str:
        """A token for `claims` that is good from `now` (Unix seconds) for `ttl` seconds."""
        times = {"iat": int(now), "exp": int(now + ttl)}
        issued = {"iss": self._settings.issuer, "aud": self._settings.audience, "jti": token_id}
        return self._key.sign(claims.members() | issued | times)

    def public_key_set(self) -> bytes:
        """The key set to verify this issuer's tokens with."""
        return self._key.public_key_set()


class DevKeys:
    """The key source of a local issuer."""

    def __init__(self, issuer: DevIssuer) -> None:
        self._issuer = issuer

    async def fetch(self, *, now: float) -> bytes:
        """The public key set, at any time."""
        _ = now
        return self._issuer.public_key_set()
