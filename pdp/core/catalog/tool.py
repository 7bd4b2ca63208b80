"""Tool definitions and their pins."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from pdp.core.contract.digest import digest

_SEEN: Final = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
"""What of a definition a model or a policy sees, and so what a pin covers."""


class Mark(StrEnum):
    """What an argument means beyond its JSON type."""

    PATH = "path"
    URL = "url"
    HOST = "host"
    SECRET = "secret"  # noqa: S105 - a kind of argument


class Annotations(msgspec.Struct, frozen=True):
    """A server's own claims about a tool; they count only where the catalog trusts the server."""

    readOnlyHint: bool = False
    destructiveHint: bool = True
    idempotentHint: bool = False
    openWorldHint: bool = True


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approved tool: the definition's parts as JSON, the pin, and what the catalog adds.

    `marks` maps an argument's name to its mark; `tenant` is the tenant that owns the tool's server.
    """

    server: str
    name: str
    pin: str
    input_schema: dict[str, Any]
    description: str = ""
    annotations: Annotations = Annotations()
    trusted: bool = False
    tenant: str | None = None
    marks: dict[str, Mark] = {}

    @property
    def id(self) -> str:
        """`server/tool`, the id of its action and its resource."""
        return f"{self.server}/{self.name}"


def pin_of(definition: Mapping[str, Any]) -> str:
    """The digest of all that a model or policy sees of a definition as `tools/list` answers it."""
    return digest({part: definition[part] for part in _SEEN if definition.get(part) is not None})
