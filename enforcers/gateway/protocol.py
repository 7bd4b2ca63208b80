"""What the gateway speaks of MCP: revisions, eras, reserved names and error codes."""

from enum import StrEnum
from typing import Final

from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonValue
from pdp.core.contract.message import RequestId
from pdp.core.contract.reason_code import ReasonCode


class Era(StrEnum):
    """How a peer says which revision it speaks (MCP 2026-07-28, "Versioning", Terminology)."""

    MODERN = "modern"
    """In `_meta` of every request."""
    LEGACY = "legacy"
    """Once, in the `initialize` handshake."""


MODERN_VERSIONS: Final = ("2026-07-28",)
LEGACY_VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
SUPPORTED_VERSIONS: Final = MODERN_VERSIONS + LEGACY_VERSIONS

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
META_TOOLGATE: Final = "toolgate"

HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022
MODERN_ERRORS: Final = frozenset({HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION})
"""Error codes that only a server of a modern revision answers with."""

INITIALIZE: Final = "initialize"
INITIALIZED: Final = "notifications/initialized"
CANCELLED: Final = "notifications/cancelled"
TOOLS_CHANGED: Final = "notifications/tools/list_changed"
DISCOVER: Final = "server/discover"
LISTEN: Final = "subscriptions/listen"
PING: Final = "ping"


class RevisionError(MessageError):
    """A message breaks a rule of its revision; `rpc_code` and `data` are the answer MCP asks for."""

    def __init__(
        self, text: str, *, rpc_code: int, data: JsonValue = None, request_id: RequestId | None = None
    ) -> None:
        super().__init__(ReasonCode.MESSAGE_MALFORMED, text, caller_text=text, request_id=request_id)
        self.rpc_code = rpc_code
        self.data = data
