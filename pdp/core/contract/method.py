"""The one table of MCP methods: what an enforcer may meet and what it does with each."""

from enum import StrEnum
from typing import Final


class Gate(StrEnum):
    """How an enforcer treats a method."""

    OPEN = "open"
    """Answered by the enforcer itself; says nothing about any tool."""
    LISTED = "listed"
    """Answered with what the principal may see."""
    DECIDED = "decided"
    """Decided by policy, then forwarded."""


METHODS: Final[dict[str, Gate]] = {
    "initialize": Gate.OPEN,
    "ping": Gate.OPEN,
    "server/discover": Gate.OPEN,
    "tools/list": Gate.LISTED,
    "tools/call": Gate.DECIDED,
}
"""INVARIANT: a method that is not in this table is denied with `method_unknown`."""

METHOD_PREFIXES: Final = frozenset(
    {
        "completion", "elicitation", "initialize", "logging", "notifications", "ping", "prompts",
        "resources", "roots", "sampling", "server", "subscriptions", "tasks", "tools",
    }
)  # fmt: skip
"""First segments of the methods of every MCP revision; no server may be called so (DESIGN 3)."""
