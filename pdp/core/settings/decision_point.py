"""The section `pdp` of the settings: the policy decision point."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pdp.core.settings.section import FilePath, Seconds, Section


class LogMode(StrEnum):
    """`spooled` survives a killed process; `durable` waits for the disk and survives a power cut."""

    SPOOLED = "spooled"
    DURABLE = "durable"


class LogSettings(Section):
    """The decision log."""

    url: str = "sqlite:///toolgate.db"
    mode: Annotated[LogMode, Field(strict=False)] = LogMode.SPOOLED


class RevocationSettings(Section):
    """Revocations; without `url` they are in the file `revocations.db` of `pdp.state`."""

    url: str | None = None
    interval: Seconds = "500ms"  # type: ignore[assignment]
    max_age: Seconds = "10s"  # type: ignore[assignment]


class PdpSettings(Section):
    """The policy decision point."""

    listen: str = "127.0.0.1:8181"
    policies: FilePath = Path("policies/")
    schemas: FilePath = Path("schemas/")
    state: FilePath = Path(".toolgate/")
    log: LogSettings = LogSettings()
    revocations: RevocationSettings = RevocationSettings()
    reload_interval: Seconds = "2s"  # type: ignore[assignment]
    answer_max_age: Seconds = "5s"  # type: ignore[assignment]
    max_message_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    enforcers: dict[str, FilePath] = {}
