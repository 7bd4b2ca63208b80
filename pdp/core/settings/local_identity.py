"""The parts of the section `identity` about credentials of our own: keys, passwords, accounts, exchanged assertions."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pdp.core.settings.section import FilePath, Seconds, Section

Alias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class ApiKeySettings(Section):
    """API keys: a file with their hashes."""

    alias: Alias = "keys"
    file: FilePath = Path(".toolgate/api-keys.json")


class LocalIssuerSettings(Section):
    """The issuer that signs tokens for local accounts and for exchanged assertions."""

    alias: Alias = "local"
    issuer: str = Field(pattern=r"^https?://[^\s?#]+$")
    audience: str = Field(min_length=1)
    key: FilePath = Path(".toolgate/local-issuer.json")
    token_ttl: Annotated[Seconds, Field(le=24 * 3600)] = "15m"  # type: ignore[assignment]  # noqa: S105 - a duration


class MailSecurity(StrEnum):
    """How the way to the mail server is protected; the unsafe one is logged on each use."""

    STARTTLS = "starttls"
    TLS = "tls"
    UNSAFE_PLAIN = "unsafe_plain"


class MailSettings(Section):
    """The server that takes mail from us; `password` is a file."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, gt=0, le=65535)
    security: Annotated[MailSecurity, Field(strict=False)] = MailSecurity.STARTTLS
    sender: str = Field(min_length=1)
    user: str | None = None
    password: FilePath | None = None
    timeout: Seconds = "10s"  # type: ignore[assignment]


class LocalAccountSettings(Section):
    """Local accounts by e-mail, for small teams."""

    url: str = "sqlite:///.toolgate/accounts.db"
    mail: MailSettings
    invitation_ttl: Seconds = "72h"  # type: ignore[assignment]
    reset_ttl: Seconds = "1h"  # type: ignore[assignment]


class IdJagSettings(Section):
    """Assertions of an enterprise's identity provider, exchanged for tokens of the local issuer."""

    issuers: list[str] = Field(min_length=1)
    clients: dict[str, FilePath] = Field(min_length=1)
    max_lifetime: Annotated[Seconds, Field(le=24 * 3600)] = "1h"  # type: ignore[assignment]
