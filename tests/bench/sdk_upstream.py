"""The same server made with the MCP SDK: stateless, of the 2026-07-28 revision. Usage: sdk_upstream.py PORT"""

import sys

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("sdk", log_level="WARNING")


@server.tool()
def echo(text: str) -> str:
    """Says it again."""
    return text


if __name__ == "__main__":
    uvicorn.run(
        server.streamable_http_app(json_response=True, stateless_http=True),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
    )
