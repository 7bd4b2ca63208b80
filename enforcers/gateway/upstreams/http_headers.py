"""The headers of what is sent to a server over streamable HTTP."""

from collections.abc import Mapping
from typing import Final

from enforcers.gateway.envelope import METHOD_HEADER, NAME_HEADER, VERSION_HEADER
from enforcers.gateway.header import encoded
from enforcers.gateway.protocol import MODERN_VERSIONS
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.message import Message, Request

SESSION_HEADER: Final = "Mcp-Session-Id"
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

_MAX_SESSION_ID: Final = 1024


class ProtocolHeaders:
    """Configured headers and those of the protocol, which win; `session` is set once a server opened one."""

    def __init__(self, configured: Mapping[str, str]) -> None:
        self._configured = {name.lower(): value for name, value in configured.items()}
        self.session: str | None = None

    def headers(self, message: Message | None, *, version: str | None) -> dict[str, str]:
        """All headers for `message` in revision `version`; both are None where there is none."""
        own = {"accept": f"{JSON}, {EVENTS}", "accept-encoding": "identity", "content-type": JSON}
        if version is not None:
            own[VERSION_HEADER.lower()] = version
        if self.session is not None:
            own[SESSION_HEADER.lower()] = self.session
        if version in MODERN_VERSIONS and isinstance(message, Request):
            own[METHOD_HEADER.lower()] = message.method
            if message.method == TOOLS_CALL:
                own[NAME_HEADER.lower()] = encoded(str(message.params["name"]))
        return {**self._configured, **own}


def session_id(value: str | None) -> str | None:
    """The session id a server gave, None where it gave none.

    Raises:
        UpstreamError: it has characters no session id may have, or too many.

    """
    if value is not None and not 0 < len(value) <= _MAX_SESSION_ID:
        raise UpstreamError("the server's session id is empty or too long")
    if value is not None and any(not "!" <= character <= "~" for character in value):
        raise UpstreamError("the server's session id has characters that are not allowed there")
    return value
