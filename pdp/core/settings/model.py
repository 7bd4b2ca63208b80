"""The model of `toolgate.yaml`; `docs/configuration.md` has each setting and a test holds the two together.

Durations are seconds once read (`10s`, `5m`, `24h` in the file); paths are relative to the file.
"""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, model_validator

from pdp.core.contract.method import METHOD_PREFIXES
from pdp.core.settings.decision_point import PdpSettings
from pdp.core.settings.gateway import GatewaySettings
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.section import FilePath, Section

SERVER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


class UpstreamSettings(Section):
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


class Settings(Section):
    """The whole file."""

    version: Literal[1]
    pdp: PdpSettings = PdpSettings()
    identity: IdentitySettings = IdentitySettings()
    gateway: GatewaySettings = GatewaySettings()
    mcpServers: dict[ServerName, UpstreamSettings] = {}  # noqa: N815 - the name MCP clients use
