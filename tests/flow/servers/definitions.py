"""Definitions of tools that the servers here offer."""

from typing import Any

ECHO: dict[str, Any] = {
    "name": "echo",
    "description": "says it again",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
}
