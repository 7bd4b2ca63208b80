"""A small bundle, and files of policy tests for it."""

from textwrap import dedent
from typing import Any, Final

from pdp.core.bundle.bundle import Bundle, build
from pdp.policytest.cases import Case, read_cases
from tests.snapshots import tool_path, tool_snapshot

CATALOG = """
version: 1
servers:
  box: {trusted: true, tools: {put: {arguments: {path: path}}}}
"""
POLICIES = """
@id("readers")
permit (principal in Mcp::Group::"dev|eng", action == Mcp::Action::"box/get", resource);

@id("writers")
@obligation("mask")
permit (principal in Mcp::Group::"dev|eng", action == Mcp::Action::"box/put", resource)
when { context.arguments.path like "in/*" };

@id("by-day")
@message("only by day")
forbid (principal, action == Mcp::Action::"box/get", resource)
when { context.now.toTime() < duration("6h") };

@id("at-home")
forbid (principal, action == Mcp::Action::"box/get", resource)
when { context has ip && !context.ip.isLoopback() };
"""
TOOLS: Final[dict[str, dict[str, Any]]] = {
    "get": {"key": {"type": "string"}, "count": {"type": "integer", "maximum": 9}},
    "put": {"path": {"type": "string"}},
    "hide": {},
}
HEAD = """
version: 1
defaults: {now: 2026-07-28T09:00:00Z}
principals:
  alice: {type: user, id: dev|alice, groups: [dev|eng]}
  bob: {type: user, id: dev|bob}
cases:
"""


def bundle(policies: str = POLICIES) -> Bundle:
    sources = {"policies/catalog.yaml": CATALOG.encode(), "policies/a.cedar": policies.encode()}
    for name, properties in TOOLS.items():
        required = [argument for argument in properties if argument == "path"]
        schema = {"type": "object", "properties": properties, "required": required}
        sources[tool_path("box", name)] = tool_snapshot({"name": name, "inputSchema": schema})
    return build(sources, max_age=1.0)


def read(text: str) -> tuple[Case, ...]:
    return read_cases({"t.yaml": text.encode()}, catalog=bundle().catalog)


def cases(text: str) -> tuple[Case, ...]:
    """The cases that `text` adds to a head with principals `alice` and `bob`."""
    return read(HEAD + dedent(text))
