"""The demo's acts: what a client of the real MCP SDK asks the gateway, and what it must get."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

_PROTOCOL: Final = "2026-07-28"
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and the reason code it must be answered with."""

    title: str
    tool: str
    arguments: Mapping[str, Any]
    code: str
    needs_files: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of an act: `met` says whether it is what must come."""

    title: str
    asked: str
    got: str
    met: bool


CALLS: Final = (
    Call("an allowed call, with the server's answer", "git__git_log", {"repo_path": "demo", "max_count": 5}, "allowed"),
    Call(
        "denied by a policy, with the policy's message",
        "git__git_log",
        {"repo_path": "demo", "max_count": 500},
        "forbidden_by_policy",
    ),
    Call(
        "an argument of the wrong type",
        "git__git_log",
        {"repo_path": "demo", "max_count": "many"},
        "arguments_invalid",
    ),
    Call("a path that climbs out of its root", "git__git_status", {"repo_path": "demo/../../etc"}, "arguments_invalid"),
    Call(
        "a path that climbs inside it, brought to one form before it is decided",
        "files__read_text_file",
        {"path": "public/%2e%2e/private/salaries.csv"},
        "no_policy_allows",
        needs_files=True,
    ),
    Call(
        "a file that everyone may read",
        "files__read_text_file",
        {"path": "public/handbook.md"},
        "allowed",
        needs_files=True,
    ),
    Call("a tool that nobody knows", "git__push_force", {}, "tool_unknown"),
)


async def tools_seen(gateway: str, token: str) -> list[str]:
    """The names of the tools that the bearer of `token` is shown."""
    async with _http(token) as http, Client(streamable_http_client(gateway, http_client=http)) as client:
        return [tool.name for tool in (await client.list_tools()).tools]


async def perform(gateway: str, token: str, call: Call) -> Seen:
    """Make `call` as the bearer of `token`."""
    async with _http(token) as http, Client(streamable_http_client(gateway, http_client=http)) as client:
        result = await client.call_tool(call.tool, dict(call.arguments))
    code = _code(result)
    text = " ".join(part.text for part in result.content if isinstance(part, TextContent))
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return Seen(call.title, f"{call.tool}({arguments})", f"{code}: {_short(text)}", met=code == call.code)


def knock(gateway: str) -> Seen:
    """Call without a token."""
    meta = {f"io.modelcontextprotocol/{name}": value for name, value in _ENVELOPE.items()}
    answer = httpx.post(
        gateway,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}},
        headers={
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _PROTOCOL,
            "Mcp-Method": "tools/list",
        },
    )
    challenge = answer.headers.get("WWW-Authenticate", "")
    met = answer.status_code == _UNAUTHORIZED and "resource_metadata=" in challenge
    return Seen("a call without a token", "tools/list", f"HTTP {answer.status_code}, {challenge}", met=met)


_ENVELOPE: Final[dict[str, Any]] = {"protocolVersion": _PROTOCOL, "clientCapabilities": {}}


def _http(token: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)


def _code(result: CallToolResult) -> str:
    ours = (result.meta or {}).get("toolgate", {})
    return str(ours.get("reason_code", "tool_error")) if result.is_error else "allowed"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."  # noqa: PLR2004 - two lines of a terminal
