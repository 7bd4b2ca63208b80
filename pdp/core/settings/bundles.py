"""The part `pdp.bundles` of the settings: where policies and catalog come from, and what a bundle has to be."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pdp.core.settings.section import FilePath, Seconds, Section


class WebhookSettings(Section):
    """Notifications that something was pushed; `secret` is the file that the sender signs them with."""

    secret: FilePath


class GitSettings(Section):
    """A repository with policies and schemas: its newest commit of one branch, or the commit of one tag.

    `signers` names the file of those who may sign commits (`ssh-keygen`'s allowed signers); with it, others count
    for nothing.
    """

    url: str = Field(min_length=1)
    branch: str | None = Field(default=None, min_length=1)
    tag: str | None = Field(default=None, min_length=1)
    policies: str = "policies"
    schemas: str = "schemas"
    interval: Seconds = "30s"  # type: ignore[assignment]
    timeout: Seconds = "60s"  # type: ignore[assignment]
    user: str | None = Field(default=None, min_length=1)
    password: FilePath | None = None
    ssh_key: FilePath | None = None
    known_hosts: FilePath | None = None
    signers: FilePath | None = None
    webhook: WebhookSettings | None = None

    @model_validator(mode="after")
    def _one_reference(self) -> Self:
        if (self.branch is None) == (self.tag is None):
            raise ValueError("name a `branch` or a `tag`")
        return self


def _channel(value: str) -> str:
    if not value.startswith(("file:", "https:", "http:", "oci:", "oci+http:")):
        raise ValueError("a channel is `file:FOLDER`, `https://HOST/PATH` or `oci://HOST/REPOSITORY`")
    return value


ChannelUrl = Annotated[str, AfterValidator(_channel)]


class ChannelSettings(Section):
    """Where signed bundles are published: a folder, a registry, or a web server."""

    url: ChannelUrl
    interval: Seconds = "10s"  # type: ignore[assignment]
    timeout: Seconds = "30s"  # type: ignore[assignment]
    user: str | None = Field(default=None, min_length=1)
    password: FilePath | None = None


class CanarySettings(Section):
    """Another bundle, tried on `percent` of the requests beside the active one and deciding none of them.

    There is exactly one of the three: two folders, a repository, or a channel (whose head `canary` it is).
    """

    percent: float = Field(gt=0, le=100)
    git: GitSettings | None = None
    channel: ChannelSettings | None = None
    policies: FilePath | None = None
    schemas: FilePath | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.policies is None) != (self.schemas is None):
            raise ValueError("`policies` and `schemas` go together")
        if sum(one is not None for one in (self.git, self.channel, self.policies)) != 1:
            raise ValueError("name one of `git`, `channel` and `policies` with `schemas`")
        return self


class ArchiveSettings(Section):
    """Where bundles stay once they were replaced; without `url` in the folder `bundles` of `pdp.state`."""

    url: str | None = Field(default=None, min_length=1)
    keep: Seconds = "9600h"  # type: ignore[assignment]
    user: str | None = Field(default=None, min_length=1)
    password: FilePath | None = None


class BundleSettings(Section):
    """Without `git` and `channel` the source is the folders `pdp.policies` and `pdp.schemas`."""

    git: GitSettings | None = None
    channel: ChannelSettings | None = None
    trust: FilePath | None = None
    unsafe_unsigned: bool = False
    max_age: Seconds | None = None
    archive: ArchiveSettings = ArchiveSettings()
    canary: CanarySettings | None = None

    @model_validator(mode="after")
    def _believable(self) -> Self:
        if self.git is not None and self.channel is not None:
            raise ValueError("name `git` or `channel`, not both")
        has_channel = self.channel is not None or (self.canary is not None and self.canary.channel is not None)
        if has_channel and self.trust is None and not self.unsafe_unsigned:
            raise ValueError("a `channel` needs `trust`, the root of trust that `toolgate bundle trust` makes")
        if self.trust is not None and not has_channel:
            raise ValueError("`trust` goes with a `channel`")
        if self.trust is not None and self.unsafe_unsigned:
            raise ValueError("`unsafe_unsigned` and `trust` contradict each other")
        return self


DEFAULT_ARCHIVE = Path("bundles")
"""The archive's folder in `pdp.state`."""
