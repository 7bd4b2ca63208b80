"""The model of `toolgate.yaml`; `docs/configuration.md` has each setting and a test holds the two together.

Durations are seconds once read (`10s`, `5m`, `24h` in the file); paths are relative to the file.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pdp.core.contract.method import METHOD_PREFIXES

SERVER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _duration(value: Any) -> float:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a number with a unit: `500ms`, `10s`, `5m`, `24h`")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


Seconds = Annotated[float, BeforeValidator(_duration), Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else value


FilePath = Annotated[Path, BeforeValidator(_path)]


class LogMode(StrEnum):
    """`spooled` survives a killed process; `durable` waits for the disk and survives a power cut."""

    SPOOLED = "spooled"
    DURABLE = "durable"


class LogSettings(_Section):
    """The decision log."""

    url: str = "sqlite:///toolgate.db"
    mode: Annotated[LogMode, Field(strict=False)] = LogMode.SPOOLED


class PdpSettings(_Section):
    """The policy decision point."""

    listen: str = "127.0.0.1:8181"
    policies: FilePath = Path("policies/")
    schemas: FilePath = Path("schemas/")
    state: FilePath = Path(".toolgate/")
    log: LogSettings = LogSettings()
    reload_interval: Seconds = "2s"  # type: ignore[assignment]
    answer_max_age: Seconds = "5s"  # type: ignore[assignment]
    max_message_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    enforcers: dict[str, FilePath] = {}


class IssuerSettings(_Section):
    """One token issuer; `jwks` is a file or an https URL (http on loopback)."""

    alias: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks: str = Field(min_length=1)
    algorithms: list[str] = Field(default=["RS256", "ES256", "EdDSA"], min_length=1)


class DevIssuerSettings(_Section):
    """A local issuer whose key is a file here; for trying out, refused off loopback."""

    alias: str = Field(default="dev", pattern=r"^[a-z0-9][a-z0-9-]*$")
    issuer: str = "http://127.0.0.1/toolgate-dev-issuer"
    audience: str = "http://127.0.0.1:8080/mcp"
    key: FilePath = Path(".toolgate/dev-issuer.json")


class IdentitySettings(_Section):
    """Who may be believed; `leeway` is the clock skew allowed on `exp`, `nbf` and `iat`."""

    issuers: list[IssuerSettings] = []
    unsafe_dev_issuer: DevIssuerSettings | None = None
    leeway: Annotated[float, BeforeValidator(_duration), Field(gt=0, le=60)] = "5s"  # type: ignore[assignment]
    jwks_max_age: Seconds = "10m"  # type: ignore[assignment]
    jwks_timeout: Seconds = "5s"  # type: ignore[assignment]


class DecisionMode(StrEnum):
    """Where a gateway's decisions come from; `auto` is remote where `pdp` names one, else embedded."""

    AUTO = "auto"
    REMOTE = "remote"
    EMBEDDED = "embedded"


class GatewaySettings(_Section):
    """The gateway, and what `toolgate wrap` shares with it."""

    listen: str = "127.0.0.1:8080"
    name: str = Field(default="gateway", pattern=r"^[a-z0-9][a-z0-9-]*$")
    resource: str | None = None
    decisions: Annotated[DecisionMode, Field(strict=False)] = DecisionMode.AUTO
    pdp: list[str] = []
    key: FilePath = Path(".toolgate/gateway.key")
    allowed_hosts: list[str] = []
    allowed_origins: list[str] = []
    max_staleness: Seconds = "10s"  # type: ignore[assignment]
    cache_entries: int = Field(default=10_000, gt=0)
    pdp_timeout: Seconds = "2s"  # type: ignore[assignment]
    upstream_timeout: Seconds = "60s"  # type: ignore[assignment]
    upstream_start_timeout: Seconds = "20s"  # type: ignore[assignment]
    definitions_max_age: Seconds = "60s"  # type: ignore[assignment]
    session_idle: Seconds = "1h"  # type: ignore[assignment]
    max_sessions: int = Field(default=10_000, gt=0)
    max_message_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    max_message_depth: int = Field(default=64, gt=0, le=200)
    denial_code: int = -32001


class UpstreamSettings(_Section):
    """One server behind the gateway: a `command` (stdio) or a `url` (streamable HTTP)."""

    command: str | None = None
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: FilePath | None = None
    url: str | None = None
    headers: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("a server has either a `command` or a `url`")
        if self.url is not None and (self.args or self.env or self.cwd):
            raise ValueError("`args`, `env` and `cwd` go with a `command`")
        if self.command is not None and self.headers:
            raise ValueError("`headers` go with a `url`")
        return self


def _server_name(name: Any) -> Any:
    if not isinstance(name, str) or not SERVER_NAME.fullmatch(name):
        raise ValueError("a server's name has lower-case letters, digits and hyphens only")
    if name in METHOD_PREFIXES:
        raise ValueError("a server must not be called like the first part of an MCP method")
    return name


ServerName = Annotated[str, BeforeValidator(_server_name)]


class Settings(_Section):
    """The whole file."""

    version: Literal[1]
    pdp: PdpSettings = PdpSettings()
    identity: IdentitySettings = IdentitySettings()
    gateway: GatewaySettings = GatewaySettings()
    mcpServers: dict[ServerName, UpstreamSettings] = {}  # noqa: N815 - the name MCP clients use
