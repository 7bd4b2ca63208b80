"""Everything the gateway answers over HTTP: the MCP endpoint, resource metadata, health (ASGI)."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from enforcers.gateway.transports.challenge import WELL_KNOWN, ProtectedResource
from enforcers.gateway.transports.exchange import Receive, Scope, Send, respond
from enforcers.gateway.transports.streamable_http import StreamableHttp

MCP_PATH: Final = "/mcp"

_OK: Final = 200
_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405
_UNAVAILABLE: Final = 503


class HttpApp:
    """Finds the page; `ready` says whether requests can be served."""

    def __init__(self, endpoint: StreamableHttp, *, resource: ProtectedResource, ready: Callable[[], bool]) -> None:
        self._endpoint = endpoint
        self._metadata = msgspec.json.encode(resource.metadata())
        self._metadata_paths = {WELL_KNOWN, WELL_KNOWN + MCP_PATH, urlsplit(resource.metadata_url).path}
        self._ready = ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path = scope["path"]
        if path == MCP_PATH:
            await self._endpoint(scope, receive, send)
            return
        found = self._page(path)
        if found is None:
            await respond(send, status=_NOT_FOUND, body=b'{"error":"there is nothing here"}')
        elif scope["method"] not in {"GET", "HEAD"}:
            await respond(send, status=_NOT_ALLOWED, headers=[(b"allow", b"GET")])
        else:
            status, body = found
            await respond(send, status=status, body=body)

    def _page(self, path: str) -> tuple[int, bytes] | None:
        match path:
            case "/healthz":
                return _OK, b'{"status":"alive"}'
            case "/readyz":
                return (_OK, b'{"status":"ready"}') if self._ready() else (_UNAVAILABLE, b'{"status":"starting"}')
            case _ if path in self._metadata_paths:
                return _OK, self._metadata
            case _:
                return None
