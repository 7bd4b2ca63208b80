"""A client of the 2025-11-25 revision (SDK 1) against a gateway: lists, calls, prints what it saw as JSON.

Usage: legacy_client.py URL TOKEN TOOL ARGUMENTS, or legacy_client.py stdio TOOL ARGUMENTS COMMAND...
"""

import asyncio
import json
import os
import sys
from importlib import import_module
from typing import Any


async def converse(streams: Any, tool: str, arguments: dict[str, Any]) -> None:
    session_kind = import_module("mcp").ClientSession
    async with session_kind(streams[0], streams[1]) as session:
        opened = await session.initialize()
        await session.send_ping()
        listed = await session.list_tools()
        called = await session.call_tool(tool, arguments)
        print(
            json.dumps(
                {
                    "version": opened.protocolVersion,
                    "tools": [found.name for found in listed.tools],
                    "error": called.isError,
                    "text": called.content[0].text,
                }
            )
        )


async def main() -> None:
    if sys.argv[1] == "stdio":
        module = import_module("mcp.client.stdio")
        tool, arguments, command, *args = sys.argv[2:]
        parameters = module.StdioServerParameters(command=command, args=args, env=dict(os.environ))  # noqa: TID251
        async with module.stdio_client(parameters) as streams:
            await converse(streams, tool, json.loads(arguments))
        return
    url, token, tool, arguments = sys.argv[1:]
    connect = import_module("mcp.client.streamable_http").streamablehttp_client
    async with connect(url, headers={"Authorization": f"Bearer {token}"}) as streams:
        await converse(streams, tool, json.loads(arguments))


asyncio.run(main())
