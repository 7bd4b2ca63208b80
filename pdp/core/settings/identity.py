"""The section `identity` of the settings: who may be believed."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pdp.core.settings.introspection import IntrospectionSettings
from pdp.core.settings.local_identity import (
    ApiKeySettings,
    IdJagSettings,
    LocalAccountSettings,
    LocalIssuerSettings,
)
from pdp.core.settings.possession import Binding, DpopSettings
from pdp.core.settings.section import FilePath, Seconds, Section, duration


def _network(value: Any) -> Any:
    try:
        return ipaddress.ip_network(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be a network in CIDR form: `10.0.0.0/8`, `fd00::/8`") from None


Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
TokenType = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+_-]*$")]


class IssuerSettings(Section):
    """One token issuer; `jwks` is a file or an https URL (http on loopback), or is found by discovery."""

    alias: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks: Annotated[str, Field(min_length=1)] | None = None
    algorithms: list[str] = Field(default=["RS256", "ES256", "EdDSA"], min_length=1)
    token_types: list[TokenType] = Field(default=["at+jwt"], min_length=1)
    max_lifetime: Seconds | None = None
    dpop: Annotated[Binding, Field(strict=False)] = Binding.ALLOWED
    certificate_bound: Annotated[Binding, Field(strict=False)] = Binding.ALLOWED
    introspection: IntrospectionSettings | None = None


class DevIssuerSettings(Section):
    """A local issuer whose key is a file here; for trying out, refused off loopback."""

    alias: str = Field(default="dev", pattern=r"^[a-z0-9][a-z0-9-]*$")
    issuer: str = "http://127.0.0.1/toolgate-dev-issuer"
    audience: str = "http://127.0.0.1:8080/mcp"
    key: FilePath = Path(".toolgate/dev-issuer.json")


class IdentitySettings(Section):
    """Who may be believed; `leeway` is the clock skew allowed on `exp`, `nbf` and `iat`."""

    issuers: list[IssuerSettings] = []
    unsafe_dev_issuer: DevIssuerSettings | None = None
    api_keys: ApiKeySettings | None = None
    basic: bool = False
    local_issuer: LocalIssuerSettings | None = None
    local_accounts: LocalAccountSettings | None = None
    id_jag: IdJagSettings | None = None
    private_networks: list[Network] = []
    leeway: Annotated[float, BeforeValidator(duration), Field(gt=0, le=60)] = "5s"  # type: ignore[assignment]
    jwks_max_age: Seconds = "10m"  # type: ignore[assignment]
    jwks_timeout: Seconds = "5s"  # type: ignore[assignment]
    dpop: DpopSettings = DpopSettings()
