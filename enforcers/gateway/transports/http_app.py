"""Everything the gateway answers over HTTP: the MCP endpoint, resource metadata, health (ASGI)."""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.cross_origin import preflight, shared_with
from enforcers.gateway.transports.exchange import Receive, Scope, Send, respond
from enforcers.gateway.transports.protected_resource import WELL_KNOWN, ProtectedResource
from enforcers.gateway.transports.streamable_http import StreamableHttp

MCP_PATH: Final = "/mcp"

Page: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_NONE: Final[Mapping[str, Page]] = MappingProxyType({})
_METHODS: Final = b"GET, HEAD"
_OK: Final = 200
_NO_CONTENT: Final = 204
_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405
_UNAVAILABLE: Final = 503


class HttpApp:
    """Finds the page; `ready` says whether requests can be served, `origins` whose scripts may read metadata.

    `pages` are others, by path, which answer for themselves.
    """

    def __init__(
        self,
        endpoint: StreamableHttp,
        *,
        resource: ProtectedResource,
        origins: AbstractSet[str],
        ready: Callable[[], bool],
        pages: Mapping[str, Page] = _NONE,
    ) -> None:
        self._endpoint = endpoint
        self._resource = resource
        self._origins = origins
        self._metadata_paths = {WELL_KNOWN, WELL_KNOWN + MCP_PATH, urlsplit(resource.metadata_url).path}
        self._ready = ready
        self._pages = dict(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path = scope["path"]
        if path == MCP_PATH:
            await self._endpoint(scope, receive, send)
            return
        if path in self._pages:
            await self._pages[path](scope, receive, send)
            return
        found, headers = self._page(path), Headers(scope["headers"])
        origins = self._origins if path in self._metadata_paths else frozenset()
        if found is None:
            await respond(send, status=_NOT_FOUND, body=b'{"error":"there is nothing here"}')
        elif scope["method"] not in {"GET", "HEAD"}:
            status = _NO_CONTENT if scope["method"] == "OPTIONS" else _NOT_ALLOWED
            await respond(send, status=status, headers=preflight(headers, origins=origins, methods=_METHODS))
        else:
            status, body = found
            await respond(send, status=status, body=body, headers=shared_with(headers, origins=origins))

    def _page(self, path: str) -> tuple[int, bytes] | None:
        match path:
            case "/healthz":
                return _OK, b'{"status":"alive"}'
            case "/readyz":
                return (_OK, b'{"status":"ready"}') if self._ready() else (_UNAVAILABLE, b'{"status":"starting"}')
            case _ if path in self._metadata_paths:
                return _OK, msgspec.json.encode(self._resource.metadata())
            case _:
                return None
