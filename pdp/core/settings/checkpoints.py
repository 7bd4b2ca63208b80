"""The part `pdp.log.checkpoints` of the settings: who signs the log, how often, and where that is held outside."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from pdp.core.settings.section import FilePath, Seconds, Section


class ExportGitSettings(Section):
    """A branch of a repository; each checkpoint is a commit."""

    url: str = Field(min_length=1)
    branch: str = Field(default="checkpoints", min_length=1)
    timeout: Seconds = "60s"  # type: ignore[assignment]
    user: str | None = Field(default=None, min_length=1)
    password: FilePath | None = None
    ssh_key: FilePath | None = None
    known_hosts: FilePath | None = None


class ExportWebhookSettings(Section):
    """A server; `secret` is the file that messages are signed with."""

    url: str = Field(min_length=1)
    secret: FilePath
    timeout: Seconds = "30s"  # type: ignore[assignment]


class ExportSettings(Section):
    """One place outside: exactly one of `folder`, `git` and `webhook`.

    `name` is what it is called in the log: places with one name share what they have got. With `leaves`, the digests of
    the records go along.
    """

    name: str | None = Field(default=None, min_length=1, max_length=200)
    folder: FilePath | None = None
    git: ExportGitSettings | None = None
    webhook: ExportWebhookSettings | None = None
    leaves: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(one is not None for one in (self.folder, self.git, self.webhook)) != 1:
            raise ValueError("name one of `folder`, `git` and `webhook`")
        return self


class CheckpointSettings(Section):
    """Signed checkpoints over the log; `trust` are the public keys of others that sign it, and of its older ones."""

    key: FilePath
    trust: list[FilePath] = []
    every: int = Field(default=10_000, gt=0, le=100_000)
    interval: Seconds = "60s"  # type: ignore[assignment]
    silence: Seconds = "1h"  # type: ignore[assignment]
    exports: list[ExportSettings] = []


DEFAULT_SEEN = Path("checkpoint.json")
"""The file in `pdp.state` that remembers the newest checkpoint."""
