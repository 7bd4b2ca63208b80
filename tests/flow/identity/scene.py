"""A gateway of its own process before one real server, believing the identity providers of a test."""

import contextlib
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from pdp.cli.demo.scene import set_scene
from tests.conftest import ROOT
from tests.flow.product import DEADLINE, META, Product, stop

LOG = ("git__git_log", {"repo_path": "demo", "max_count": 1})
STATUS = ("git__git_status", {"repo_path": "demo"})
BRANCH = ("git__git_branch", {"repo_path": "demo", "branch_type": "local"})
COMMIT = ("git__git_commit", {"repo_path": "demo", "message": "nothing to commit"})

Call = tuple[str, dict[str, Any]]

_HTTP = httpx.Client(timeout=DEADLINE)
_CATALOG = {
    "version": 1,
    "servers": {
        "git": {
            "trusted": True,
            "tools": {
                "*": {"arguments": {"repo_path": "path"}, "scopes": ["git:read"]},
                "git_commit": {"scopes": ["git:read", "git:write"]},
            },
        }
    },
}
_POLICIES = """
@id("engineers-use-git")
permit (principal in Mcp::Group::"corp|eng", action in Mcp::Action::"tools/call", resource in Mcp::Server::"git");

@id("reports-read-the-log")
permit (principal == Mcp::Agent::"corp|nightly-report", action == Mcp::Action::"git/git_log", resource);

@id("everyone-asks-for-the-state")
permit (principal, action == Mcp::Action::"git/git_status", resource);

@id("commits-by-known-agents")
@message("this agent is not approved for commits")
forbid (principal, action == Mcp::Action::"git/git_commit", resource)
unless { context has actor && [Mcp::Agent::"corp|coder", Mcp::Agent::"corp|writer"].contains(context.actor) };

@id("short-delegation")
@message("at most two agents may stand between a person and a tool")
forbid (principal, action in Mcp::Action::"tools/call", resource)
when { context has delegation && context.delegation.depth > 2 };

@id("planners-hand-nothing-on")
@message("what a planner hands on is not carried out")
forbid (principal, action in Mcp::Action::"tools/call", resource)
when { context has delegation && context.delegation.members.contains(Mcp::Agent::"corp|planner") };
"""


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Product]:
    """A product whose issuers are still to be named; its audience is `resource_of` it."""
    repository = folder / "repository"
    (repository / "policies").mkdir(parents=True)
    (repository / "policies" / "identity.cedar").write_text(_POLICIES)
    (repository / "policies" / "catalog.yaml").write_text(yaml.safe_dump(_CATALOG))
    shutil.copytree(ROOT / "schemas" / "git", repository / "schemas" / "git")
    laid = set_scene(folder / "scene", repository=repository)
    settings = yaml.safe_load(laid.config.read_text())
    settings["mcpServers"] = {"git": settings["mcpServers"]["git"]}
    settings["gateway"] |= {"decisions": "embedded", "listen": f"127.0.0.1:{free_port()}"}
    settings["identity"] = {}
    made = Product(laid.folder, repository, settings)
    try:
        yield made
    finally:
        for process in reversed(made.running):
            stop(process)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def open_gateway(made: Product, *issuers: Mapping[str, Any], **identity: Any) -> Product:
    """Start the gateway of `made`, which believes `issuers`."""
    own = [{"audience": made.mcp, "algorithms": ["ES256"], **issuer} for issuer in issuers]
    made.settings["identity"] = {"issuers": own, **identity}
    made.configure()
    made.gateway()
    return made


def ask_list(url: str, token: str) -> list[str]:
    """The names of the tools that one raw modern list has."""
    headers = {**_headers(token, LOG), "Mcp-Method": "tools/list"}
    del headers["Mcp-Name"]
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    return [tool["name"] for tool in _HTTP.post(url, json=body, headers=headers).json()["result"]["tools"]]


def ask(url: str, token: str, call: Call, *, scheme: str = "Bearer", **headers: str) -> httpx.Response:
    """One raw modern call."""
    return ask_by(_HTTP, url, token, call, Authorization=f"{scheme} {token}", **headers)


def ask_by(client: httpx.Client, url: str, token: str, call: Call, **headers: str) -> httpx.Response:
    """One raw modern call over `client`."""
    return client.post(url, json=_body(call), headers={**_headers(token, call), **headers})


async def ask_with(client: httpx.AsyncClient, url: str, token: str, call: Call) -> str:
    """One raw modern call over `client`, and what became of it."""
    return verdict(await client.post(url, json=_body(call), headers=_headers(token, call), timeout=DEADLINE))


def verdict(answer: httpx.Response) -> str:
    """`allowed`, or the status and the reason code of a refusal."""
    body = answer.json()
    if "error" in body:
        return f"{answer.status_code} {body['error']['data']['reason_code']}"
    result = body["result"]
    code = result.get("_meta", {}).get("toolgate", {}).get("reason_code", "allowed")
    return code if answer.status_code == httpx.codes.OK else f"{answer.status_code} {code}"


def outcome(made: Product, token: str, call: Call = LOG) -> str:
    return verdict(ask(made.mcp, token, call))


def _body(call: Call) -> dict[str, Any]:
    params = {"name": call[0], "arguments": call[1], "_meta": META}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _headers(token: str, call: Call) -> dict[str, str]:
    return {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {token}",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": call[0],
    }
