"""A client of SDK 1 that logs in by itself, then lists and calls.

Usage: legacy_login.py URL TOOL ARGUMENTS. Writes the address its user is sent to, reads what comes back as a
line of JSON, and writes what it saw as another.
"""

import asyncio
import json
import sys
from importlib import import_module
from typing import Any

REDIRECT = "http://127.0.0.1/callback"


class Storage:
    def __init__(self) -> None:
        self.tokens: Any = None
        self.client: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.client

    async def set_client_info(self, client_info: Any) -> None:
        self.client = client_info


async def go(url: str) -> None:
    print(url, flush=True)


async def come_back() -> tuple[str, str]:
    brought = json.loads(await asyncio.to_thread(sys.stdin.readline))
    return brought["code"], brought["state"]


async def main() -> None:
    url, tool, arguments = sys.argv[1:]
    wanted = import_module("mcp.shared.auth").OAuthClientMetadata(
        client_name="a client of SDK 1", redirect_uris=[REDIRECT], token_endpoint_auth_method="none"
    )
    provider_kind = import_module("mcp.client.auth").OAuthClientProvider
    login = provider_kind(url, wanted, Storage(), redirect_handler=go, callback_handler=come_back)
    connect = import_module("mcp.client.streamable_http").streamablehttp_client
    async with (
        connect(url, auth=login) as streams,
        import_module("mcp").ClientSession(streams[0], streams[1]) as session,
    ):
        opened = await session.initialize()
        listed = await session.list_tools()
        called = await session.call_tool(tool, json.loads(arguments))
        seen = {
            "version": opened.protocolVersion,
            "tools": [found.name for found in listed.tools],
            "error": called.isError,
            "text": called.content[0].text,
        }
        print(json.dumps(seen), flush=True)


asyncio.run(main())
