"""What an MCP server offers: definitions of tools, prompts, resources and templates, and their pins."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pdp.core.contract.digest import digest


class Kind(StrEnum):
    """The four lists that a server has (MCP, "Server Features")."""

    TOOL = "tool"
    PROMPT = "prompt"
    RESOURCE = "resource"
    TEMPLATE = "template"


NAMING: Final[Mapping[Kind, str]] = {
    Kind.TOOL: "name",
    Kind.PROMPT: "name",
    Kind.RESOURCE: "uri",
    Kind.TEMPLATE: "uriTemplate",
}
"""The member by which a definition of each kind is told from the server's others."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One entry of a server's lists: `content` as the server wrote it, `pin` its digest."""

    kind: Kind
    server: str
    content: Mapping[str, Any]
    pin: str

    @property
    def name(self) -> str:
        """What its server calls it: a name, or the URI of a resource or template."""
        return str(self.content[NAMING[self.kind]])

    @property
    def id(self) -> str:
        """`server/name`."""
        return f"{self.server}/{self.name}"


def definition_of(kind: Kind, *, server: str, content: Mapping[str, Any]) -> Definition:
    """The definition with that content, whose naming member must be there; members that are null are dropped."""
    return Definition(kind, server, {part: v for part, v in content.items() if v is not None}, pin_of(content))


def pin_of(content: Mapping[str, Any]) -> str:
    """The digest of all that a definition tells a client, a model or a policy.

    INVARIANT: whatever of a live definition is passed on is covered; a member that is null is absence.
    """
    return digest({part: value for part, value in content.items() if value is not None})
