"""The section `gateway` of the settings: the gateway, and what `toolgate wrap` shares with it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pdp.core.settings.section import FilePath, Seconds, Section


class DecisionMode(StrEnum):
    """Where a gateway's decisions come from; `auto` is remote where `pdp` names one, else embedded."""

    AUTO = "auto"
    REMOTE = "remote"
    EMBEDDED = "embedded"


class GatewaySettings(Section):
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
