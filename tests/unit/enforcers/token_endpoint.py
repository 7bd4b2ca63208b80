"""A token endpoint over HTTP, which answers as it is told to and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class TokenEndpoint:
    """Gives `token-1`, `token-2`, ..., each for `expires_in` seconds, unless `answer` says otherwise."""

    url: str = ""
    expires_in: Any = 300
    answer: web.Response | None = None
    gate: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/.well-known/oauth-authorization-server":
            return web.json_response({"issuer": self.url, "token_endpoint": f"{self.url}/token"})
        if request.path != "/token":
            return web.Response(status=404)
        form = await request.post()
        self.forms.append({name: str(value) for name, value in form.items()})
        self.authorizations.append(request.headers.get("Authorization"))
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        return self.answer or self.grant()

    def grant(self) -> web.Response:
        number = len(self.forms)
        token = self.tokens[min(number, len(self.tokens)) - 1] if self.tokens else f"token-{number}"
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        return web.json_response({name: value for name, value in answer.items() if value is not None})


@asynccontextmanager
async def granting() -> AsyncIterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    runner = web.ServerRunner(web.Server(endpoint.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield endpoint
    finally:
        if endpoint.gate is not None:
            endpoint.gate.set()
        await runner.cleanup()


def said(body: bytes | dict[str, Any], *, status: int = 200, kind: str = "application/json") -> web.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.Response(body=content, status=status, content_type=kind)
