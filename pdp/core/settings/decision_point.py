"""The section `pdp` of the settings: the policy decision point."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from pdp.core.settings.bundles import BundleSettings
from pdp.core.settings.checkpoints import CheckpointSettings
from pdp.core.settings.section import FilePath, Seconds, Section
from pdp.core.settings.spool import SpoolSettings


class LogMode(StrEnum):
    """`spooled` survives a killed process; `durable` waits for the disk and survives a power cut."""

    SPOOLED = "spooled"
    DURABLE = "durable"


class LogSpoolSettings(SpoolSettings):
    """The spool of the decision point's own records; without `path` it is the folder `spool` in `pdp.state`."""

    path: FilePath | None = None


class LogWriting(StrEnum):
    """Who writes to the log's database: a process of its own, or a thread of the one that decides."""

    PROCESS = "process"
    THREAD = "thread"


class LogSettings(Section):
    """The decision log."""

    url: str = "sqlite:///toolgate.db"
    mode: Annotated[LogMode, Field(strict=False)] = LogMode.SPOOLED
    writer: Annotated[LogWriting | None, Field(strict=False)] = None
    spool: LogSpoolSettings = LogSpoolSettings()
    checkpoints: CheckpointSettings | None = None
    connect_timeout: Seconds = "5s"  # type: ignore[assignment]
    lock_timeout: Seconds = "5s"  # type: ignore[assignment]
    statement_timeout: Seconds = "30s"  # type: ignore[assignment]


class RevocationSettings(Section):
    """Revocations; without `url` they are in the file `revocations.db` of `pdp.state`."""

    url: str | None = None
    interval: Seconds = "500ms"  # type: ignore[assignment]
    max_age: Seconds = "10s"  # type: ignore[assignment]


class EnforcerSettings(Section):
    """One enforcer: the servers it stands before, and what it shows: a `key`, or tokens of `issuer` for `client_id`.

    `subject` is the `sub` of its tokens where that is not the client's id.
    """

    servers: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]] = Field(min_length=1)
    key: FilePath | None = None
    issuer: str | None = None
    client_id: str | None = Field(default=None, min_length=1)
    subject: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        by_token = (self.issuer, self.client_id)
        if (self.key is None) == (by_token == (None, None)):
            raise ValueError("an enforcer has either a `key` or an `issuer` with a `client_id`")
        if self.key is None and None in by_token:
            raise ValueError("`issuer` and `client_id` go together")
        if self.key is not None and self.subject is not None:
            raise ValueError("`subject` goes with an `issuer`")
        return self


RoleMember = Annotated[str, Field(pattern=r"^(user|agent|group|role):[a-z0-9][a-z0-9-]*\|\S(.*\S)?$")]
"""Somebody at an issuer, by its alias: `group:corp|admins`, `user:corp|alice`, `agent:corp|ci`, `role:corp|dba`."""


class RoleSettings(Section):
    """Who has which role in the administration."""

    auditor: list[RoleMember] = []
    operator: list[RoleMember] = []
    publisher: list[RoleMember] = []
    approver: list[RoleMember] = []


class AdminSettings(Section):
    """The listener for administrators; `resource` is the audience of their tokens."""

    resource: str = Field(min_length=1)
    listen: str = "127.0.0.1:8182"
    allowed_origins: list[str] = []
    roles: RoleSettings = RoleSettings()


class PdpSettings(Section):
    """The policy decision point."""

    listen: str = "127.0.0.1:8181"
    policies: FilePath = Path("policies/")
    schemas: FilePath = Path("schemas/")
    state: FilePath = Path(".toolgate/")
    log: LogSettings = LogSettings()
    revocations: RevocationSettings = RevocationSettings()
    bundles: BundleSettings = BundleSettings()
    reload_interval: Seconds = "2s"  # type: ignore[assignment]
    answer_max_age: Seconds = "5s"  # type: ignore[assignment]
    heartbeat_interval: Seconds = "2s"  # type: ignore[assignment]
    max_listeners: int = Field(default=2000, gt=0)
    max_message_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    resource: str | None = Field(default=None, min_length=1)
    enforcers: dict[str, EnforcerSettings] = {}
    admin: AdminSettings | None = None
