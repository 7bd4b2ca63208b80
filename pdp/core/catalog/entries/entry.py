"""Entries of `catalog.yaml`: what is known of servers and tools besides their definitions."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from pdp.core.catalog.tool import Mark, RiskLevel, Undeclared
from pdp.core.contract.record_terms import Recording

Name: TypeAlias = Annotated[str, Meta(min_length=1)]


class ToolEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of one tool, or of all that a glob matches; `arguments` marks some of theirs.

    `record` is what is recorded of all its arguments, `record_arguments` of single ones.
    """

    arguments: dict[str, Mark] = {}
    risk: RiskLevel | None = None
    owners: tuple[Name, ...] | None = None
    scopes: tuple[Name, ...] = ()
    undeclared: Undeclared | None = None
    record: Recording = Recording.KEEP
    record_arguments: dict[str, Recording] = {}


class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of one server, and of its tools by name or glob.

    Annotations count only where it is `trusted`. With `unsafe_unpinned` its tools may be called whatever their
    definition is now; with `unsafe_hidden_text` definitions may have characters that nobody sees.
    """

    trusted: bool = False
    tenant: Name | None = None
    owners: tuple[Name, ...] = ()
    risk: RiskLevel | None = None
    scopes: tuple[Name, ...] = ()
    undeclared: Undeclared = Undeclared.REFUSE
    record: Recording = Recording.KEEP
    unsafe_unpinned: bool = False
    unsafe_hidden_text: bool = False
    tools: dict[str, ToolEntry] = {}


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tools that one of the globs `tools` matches, and none of those in `except`."""

    tools: tuple[str, ...]
    excluded: tuple[str, ...] = msgspec.field(default=(), name="except")


class Entries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a `catalog.yaml` says, by names."""

    servers: dict[str, ServerEntry] = {}
    toolsets: dict[str, Selection] = {}
    tags: dict[str, Selection] = {}
