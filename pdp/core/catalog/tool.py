"""Tools as they were approved, and what the catalog adds to them."""

from enum import StrEnum
from typing import Any

import msgspec

from pdp.core.contract.record_terms import Recording


class Mark(StrEnum):
    """What an argument means beyond its JSON type."""

    PATH = "path"
    URL = "url"
    HOST = "host"
    SECRET = "secret"  # noqa: S105 - a kind of argument


class RiskLevel(StrEnum):
    """How much harm a tool can do, as its owners see it."""

    UNRATED = "unrated"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Undeclared(StrEnum):
    """What becomes of arguments that a tool's schema does not declare."""

    REFUSE = "refuse"
    ALLOW = "allow"


class Annotations(msgspec.Struct, frozen=True):
    """A server's own claims about a tool; they count only where the catalog trusts the server."""

    readOnlyHint: bool = False
    destructiveHint: bool = True
    idempotentHint: bool = False
    openWorldHint: bool = True


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An approved tool: the definition's parts as JSON, the pin, and what the catalog adds.

    `pin` is the digest of the definition that `input_schema` is from, "" where none was approved. `marks` maps an
    argument's name, or a JSON Pointer into the arguments, to its mark; `tenant` is the tenant that owns the
    tool's server. A call needs every one of `scopes`. `record` says what is recorded of its arguments,
    `record_arguments` of those at a place, keyed as `marks` are; the stricter of both counts. `pinned` is false where
    the live definition is not known to be the approved one; `offered` is its digest where that is known to be another.
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
    undeclared: Undeclared = Undeclared.REFUSE
    risk: RiskLevel = RiskLevel.UNRATED
    owners: tuple[str, ...] = ()
    toolsets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    record: Recording = Recording.KEEP
    record_arguments: dict[str, Recording] = {}
    pinned: bool = True
    offered: str | None = None

    @property
    def id(self) -> str:
        """`server/tool`, the id of its action and its resource."""
        return f"{self.server}/{self.name}"

    @property
    def digest(self) -> str:
        """The pin of the definition that a call meets, as far as it is known."""
        return self.pin if self.offered is None else self.offered
