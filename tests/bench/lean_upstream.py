"""An MCP server of the 2026-07-28 revision with one tool, as little as one can be: raw ASGI, no SDK.

Its own cost is small, so that it does not hide a gateway's. Usage: lean_upstream.py PORT
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import msgspec
import uvicorn

Message: TypeAlias = MutableMapping[str, Any]

ECHO: Final[dict[str, Any]] = {
    "name": "echo",
    "description": "Says it again.",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
}

_METHOD_NOT_FOUND: Final = -32601


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The result of a request, None for a method that is not known."""
    complete = {"resultType": "complete"}
    match method:
        case "tools/call":
            return complete | {"content": [{"type": "text", "text": params["arguments"]["text"]}], "isError": False}
        case "tools/list":
            return complete | {"tools": [ECHO], "ttlMs": 0, "cacheScope": "private"}
        case "server/discover":
            known = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            return complete | known | {"ttlMs": 0, "cacheScope": "private"}
        case _:
            return None


def answer(raw: bytes) -> bytes:
    """The answer to the request in `raw`."""
    request = msgspec.json.decode(raw)
    result = result_of(request["method"], request["params"])
    outcome: dict[str, Any] = {"result": result}
    if result is None:
        outcome = {"error": {"code": _METHOD_NOT_FOUND, "message": "no such method"}}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request["id"], **outcome})


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer one POST."""
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    content = answer(body)
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
