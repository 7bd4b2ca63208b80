"""Requests to a gateway as bytes: what a client of either era sends, and what none should."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
ACCEPT = ("Accept", "application/json, text/event-stream")
JSON = ("Content-Type", "application/json")
ALICE = ("Authorization", "Bearer alice-token")
BOB = ("Authorization", "Bearer bob-token")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        return int(self.json["error"]["code"])

    @property
    def reason(self) -> str:
        return str(self.json["error"]["data"]["reason_code"])


@dataclass
class Client:
    """Sends to one gateway; `host` is what the `Host` header says, `before` comes before the first request."""

    port: int
    host: str = ""
    before: str = ""
    extra: list[tuple[str, str]] = field(default_factory=list)

    async def send(
        self,
        head: list[tuple[str, str]],
        body: bytes,
        *,
        method: str = "POST",
        path: str = "/mcp",
    ) -> Reply:
        """One exchange on a connection of its own; headers go out as they are given."""
        host = self.host or f"127.0.0.1:{self.port}"
        names = {name.lower() for name, _ in head}
        lines = [] if "host" in names else [("Host", host)]
        if "content-length" not in names and "transfer-encoding" not in names:
            lines.append(("Content-Length", str(len(body))))
        text = "".join(f"{name}: {value}\r\n" for name, value in [*lines, *head])
        raw = f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1") + body
        return (await self.pieces([raw], count=1, method=method))[0]

    async def raw(self, data: bytes) -> Reply:
        """Exactly these bytes, and the reply to them."""
        return (await self.pieces([data], count=1))[0]

    async def pieces(self, parts: list[bytes], *, count: int, method: str = "POST") -> list[Reply]:
        """Exactly these bytes, each part in a write of its own, and `count` replies to them."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(20):
                for part in [self.before.encode(), *parts]:
                    writer.write(part)
                    await asyncio.sleep(0)
                return [await read_reply(reader, method=method) for _ in range(count)]
        finally:
            writer.close()

    async def unanswered(self, data: bytes) -> bytes:
        """What comes back until the other side ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(20):
                writer.write(data)
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def modern(
        self, method: str, params: dict[str, Any] | None = None, *, extra: list[tuple[str, str]] | None = None
    ) -> Reply:
        """A well-formed modern request, but for what `extra` changes."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": META}}
        head = modern_head(method, params or {})
        changed = {name.lower() for name, _ in extra or []}
        kept = [(name, value) for name, value in head if name.lower() not in changed]
        return await self.send([*kept, *((n, v) for n, v in extra or [] if v)], json.dumps(body).encode())

    async def call(self, name: str, *, extra: list[tuple[str, str]] | None = None, **arguments: Any) -> Reply:
        return await self.modern("tools/call", {"name": name, "arguments": arguments}, extra=extra)

    async def legacy(self, message: dict[str, Any], *, extra: list[tuple[str, str]] | None = None) -> Reply:
        head = [ACCEPT, JSON, *(extra if extra is not None else [ALICE])]
        return await self.send(head, json.dumps({"jsonrpc": "2.0", **message}).encode())

    async def initialize(self, *, who: tuple[str, str] = ALICE, version: str = "2025-11-25") -> tuple[Reply, str]:
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        reply = await self.legacy({"id": 0, "method": "initialize", "params": params}, extra=[who])
        return reply, reply.headers.get("mcp-session-id", "")


def modern_head(method: str, params: dict[str, Any]) -> list[tuple[str, str]]:
    head = [ACCEPT, JSON, ALICE, ("MCP-Protocol-Version", VERSION), ("Mcp-Method", method)]
    return [*head, ("Mcp-Name", encode(params["name"]))] if "name" in params else head


def encode(text: str) -> str:
    if text.isascii() and text.strip() == text and text.isprintable():
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


async def read_reply(reader: asyncio.StreamReader, *, method: str = "POST") -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in head[1:] if line):
        before = headers.get(name.lower())
        headers[name.lower()] = value.strip() if before is None else f"{before}, {value.strip()}"
    body = await reader.readexactly(0 if method == "HEAD" else int(headers.get("content-length", "0")))
    return Reply(int(head[0].split(" ")[1]), headers, body)
