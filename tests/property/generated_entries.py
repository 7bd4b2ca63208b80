"""Generated entries of `catalog.yaml`: toolsets, tags, ratings, scopes, servers whose tools may have changed."""

from collections.abc import Sequence
from typing import Final

import msgspec

from pdp.core.catalog.entries.entry import Entries, Selection, ServerEntry, ToolEntry
from pdp.core.catalog.entries.facts import Facts
from pdp.core.catalog.tool import RiskLevel, Tool
from tests.property.drawing import Draw
from tests.property.generated_people import SCOPES, TENANTS

TOOLSETS: Final = ("finance", 'odd"./set', "all tools")
TAGS: Final = ("pii", "money", "ünï")
STRAYS: Final = ("new", 'odd"./new', "write2")
"""Names of tools that nobody approved."""

_GLOBS: Final = ("read", "w*", "*", "?ead", "*/tool", "write2")


def entries(draw: Draw, *, servers: Sequence[str]) -> Entries:
    """What is said of `servers` and their tools."""
    return Entries(
        servers={server: _server(draw) for server in servers},
        toolsets={name: _selection(draw, servers) for name in draw.some(TOOLSETS, most=2)},
        tags={name: _selection(draw, servers) for name in draw.some(TAGS, most=2)},
    )


def as_said(tool: Tool, facts: Facts) -> Tool:
    """`tool` with what is said of it."""
    said = facts.of(tool.server, tool.name)
    return msgspec.structs.replace(
        tool,
        trusted=said.trusted,
        tenant=said.tenant,
        undeclared=said.undeclared,
        risk=said.risk,
        toolsets=said.toolsets,
        tags=said.tags,
        scopes=said.scopes,
    )


def _server(draw: Draw) -> ServerEntry:
    return ServerEntry(
        trusted=draw.chance(60),
        tenant=draw.choice((*TENANTS, None)),
        risk=draw.choice((None, RiskLevel.LOW, RiskLevel.MEDIUM)),
        scopes=(draw.choice(SCOPES),) if draw.chance(3) else (),
        unsafe_unpinned=draw.chance(30),
        tools=_tools(draw),
    )


def _tools(draw: Draw) -> dict[str, ToolEntry]:
    found: dict[str, ToolEntry] = {}
    if draw.chance(40):
        found["write"] = ToolEntry(risk=draw.choice((RiskLevel.HIGH, RiskLevel.CRITICAL)))
    if draw.chance(10):
        found["w*"] = ToolEntry(scopes=(draw.choice(SCOPES),))
    return found


def _selection(draw: Draw, servers: Sequence[str]) -> Selection:
    def globs(most: int, least: int) -> tuple[str, ...]:
        return tuple(f"{draw.choice((*servers, '*'))}/{glob}" for glob in draw.some(_GLOBS, least=least, most=most))

    return Selection(globs(2, 1), globs(1, 0))
