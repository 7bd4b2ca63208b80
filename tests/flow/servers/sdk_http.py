"""An MCP SDK server over streamable HTTP; says its port on standard output.

Runs with either major version of the SDK: 2 serves both eras, 1 the legacy one only.
"""

import socket
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import uvicorn
from pydantic import Field

if find_spec("mcp.server.mcpserver") is not None:
    server: Any = import_module("mcp.server.mcpserver").MCPServer("sdk")
else:
    server = import_module("mcp.server.fastmcp").FastMCP("sdk")

arrived: list[tuple[str, str]] = []


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two integers."""
    return a + b


@server.tool()
def region(name: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Says which region was named."""
    return f"region {name}"


@server.tool()
def headers() -> dict[str, str]:
    """The headers that arrived with this call."""
    return dict(arrived)


def main() -> None:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    print(bound.getsockname()[1], flush=True)
    app = server.streamable_http_app()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            arrived[:] = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        await app(scope, receive, send)

    uvicorn.Server(uvicorn.Config(noting, log_level="warning")).run(sockets=[bound])


main()
