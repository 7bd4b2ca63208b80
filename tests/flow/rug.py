"""A real decision point and a real gateway before servers that pull the rug, each server for one test."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from enforcers.gateway.naming import Prefixed
from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.peer import Peer
from enforcers.gateway.upstreams.streamable_http import HttpConnector
from tests.flow.gateway_host import LIMITS, SERVERS, stdio
from tests.flow.http_client import Client
from tests.flow.pdp_process import TOOLGATE, Pdp, running, toolgate_here
from tests.snapshots import tool_path, tool_snapshot
from tests.spools import wait_until_delivered

DEADLINE = 60.0
SHIFTY = str(SERVERS / "shifty.py")
SETTLED = {"by": "fixed", "endless": False, "announce": 0, "announce_with_answer": False}
POLICY = '@id("eng-may") permit (principal in Mcp::Group::"dev|eng", action in Mcp::Action::"tools/call", resource);\n'


def tool(name: str, description: str = "reads a file", **members: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"path": {"type": "string", "description": "which one"}}}
    return {"name": name, "description": description, "inputSchema": schema, **members}


READ, OTHER = tool("read"), tool("other", "does something else")
"""What every server offers at first, and what is approved."""
GOOD = [READ, OTHER]

Listing = Sequence[Sequence[dict[str, Any]]]


@dataclass
class Rug:
    """The running product; servers are told by their files."""

    folder: Path
    gateway: Pdp
    port: int
    token: str
    told: dict[str, dict[str, Any]]
    entries: dict[str, dict[str, Any]]

    def tell(self, server: str, *listings: Listing, **how: Any) -> None:
        """Have `server` offer `listings` (each a list of pages) from now on."""
        told = {**SETTLED, **self.told.get(server, {}), **({"listings": listings} if listings else {}), **how}
        self.told[server] = told
        write_script(self.folder, server, told)

    def announce(self, server: str, *listings: Listing) -> None:
        """The same, and have a server over standard streams announce it; returns once it did."""
        number = self.told.get(server, {}).get("announce", 0) + 1
        self.tell(server, *listings, announce=number)
        said = self.folder / f"{server}.json.announced"
        deadline = time.monotonic() + DEADLINE
        while not said.exists() or said.read_text() != str(number):
            assert time.monotonic() < deadline, f"{server} announces nothing"
            time.sleep(0.005)

    def calls(self, server: str) -> list[str]:
        """The names under which `server` was called."""
        file = self.folder / f"{server}.json.calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def connections(self, server: str) -> int:
        file = self.folder / f"{server}.json.connections"
        return len(file.read_text()) if file.exists() else 0

    def kill(self, server: str) -> None:
        """End the process of `server`, which the gateway started."""
        os.kill(int((self.folder / f"{server}.json.pid").read_text()), signal.SIGKILL)

    def approve(self, server: str, definition: Mapping[str, Any]) -> None:
        """Put a snapshot of `definition` where the decision point reads it."""
        path = self.folder / tool_path(server, definition["name"])
        fresh = path.with_suffix(".new")
        fresh.write_bytes(tool_snapshot(definition))
        fresh.rename(path)

    async def shown_to_others(self, server: str) -> Sequence[Mapping[str, Any]]:
        """What the server offers on another connection than the gateway's."""
        entry, log = self.entries[server], structlog.get_logger()
        connector: Connector = (
            HttpConnector(entry["url"], headers={}, limits=LIMITS)
            if "url" in entry
            else stdio(entry["command"], *entry["args"])
        )
        peer = Peer(connector, limits=LIMITS, client={"name": "x", "version": "0"}, on_change=lambda: None, log=log)
        try:
            await peer.start()
            return peer.definitions()
        finally:
            await peer.aclose()

    async def shown(self, server: str) -> dict[str, Any]:
        """The definitions of `server` that a client sees, by the server's own names."""
        reply = await self._client.modern("tools/list", extra=[("Authorization", f"Bearer {self.token}")])
        prefix = f"{server}__"
        tools = reply.json["result"]["tools"]
        return {each["name"].removeprefix(prefix): each for each in tools if each["name"].startswith(prefix)}

    async def call(self, server: str, name: str = "read", **arguments: Any) -> str:
        """What becomes of a call: `allowed` or the reason code."""
        wire = Prefixed().wire_name(server, tool=name)
        reply = await self._client.call(wire, extra=[("Authorization", f"Bearer {self.token}")], **arguments)
        result = reply.json["result"]
        return str(result["_meta"]["toolgate"]["reason_code"]) if result.get("isError") else "allowed"

    def drifts(self, server: str) -> list[dict[str, Any]]:
        """The records of what became of the tools of `server`, as an auditor gets them."""
        wait_until_delivered(self.folder)
        asked = toolgate_here(self.folder, "log", "drift", "--server", server, "--limit", "5000", "--json")
        assert asked.returncode == 0, asked.stderr
        return [json.loads(line) for line in asked.stdout.splitlines()]

    def states(self, server: str, name: str = "read") -> list[str]:
        return [record["state"] for record in self.drifts(server) if record["tool"] == name]

    def denials(self, server: str, name: str = "read") -> list[dict[str, Any]]:
        wait_until_delivered(self.folder)
        asked = toolgate_here(self.folder, "log", "query", "--server", server, "--limit", "5000", "--json")
        records = [json.loads(line) for line in asked.stdout.splitlines()]
        return [record for record in records if record["tool"] == name and record["effect"] == "deny"]

    async def until_denied(self, server: str, code: str, name: str = "read") -> None:
        await until(lambda: self._is(code, server, name), what=f"{server}/{name} is denied with {code}")

    async def until_allowed(self, server: str, name: str = "read") -> None:
        await until(lambda: self._is("allowed", server, name), what=f"{server}/{name} is allowed")

    async def check_pulled(self, server: str, code: str, *, state: str, name: str = "read") -> None:
        """The tool is never called, never listed, denied with `code` and recorded; the server's other one works."""
        before = self.calls(server).count(name)
        assert await self.call(server, name) == code
        assert name not in await self.shown(server)
        assert await self.call(server, "other") == "allowed"
        assert self.calls(server).count(name) == before
        assert self.states(server, name)[-1] == state
        assert self.denials(server, name)[-1]["reason_code"] == code

    @property
    def _client(self) -> Client:
        return Client(self.port)

    async def _is(self, code: str, server: str, name: str) -> bool:
        return await self.call(server, name) == code


async def until(met: Callable[[], Awaitable[bool]], *, what: str) -> None:
    """Return once `met()`; fails after the deadline."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not await met():  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"still not so after {DEADLINE} s: {what}") from None


def write_script(folder: Path, server: str, told: Mapping[str, Any]) -> None:
    """Atomically, so that the server reads the old one or the new."""
    fresh = folder / f"{server}.json.new"
    fresh.write_text(json.dumps(told))
    fresh.rename(folder / f"{server}.json")


@contextlib.contextmanager
def pulled(
    folder: Path,
    servers: Mapping[str, Mapping[str, Any]],
    *,
    over_http: Sequence[str] = (),
    approved: Mapping[str, Sequence[dict[str, Any]]] | None = None,
    catalog: str = "version: 1\n",
) -> Iterator[Rug]:
    """The product before `servers` (what each is told at first); those of `over_http` are not processes of ours."""
    with contextlib.ExitStack() as stack:
        told = {name: {**SETTLED, "listings": [[GOOD]], **how} for name, how in servers.items()}
        for name, how in told.items():
            write_script(folder, name, how)
        entries = {name: _entry(folder, name, stack, over_http=name in over_http) for name in servers}
        _write(folder / "policies" / "all.cedar", POLICY.encode())
        _write(folder / "policies" / "catalog.yaml", catalog.encode())
        for name in servers:
            for definition in (approved or {}).get(name, GOOD):
                _write(folder / tool_path(name, definition["name"]), tool_snapshot(definition))
        settings: dict[str, Any] = {
            "version": 1,
            "pdp": {"listen": "127.0.0.1:0", "log": {"url": "sqlite:///log.db"}, "reload_interval": "100ms"},
            "identity": {"unsafe_dev_issuer": {}},
            "mcpServers": entries,
        }
        (folder / "toolgate.yaml").write_text(json.dumps(settings))
        pdp = stack.enter_context(running(folder))
        own = {"definitions_max_age": "2s", "max_staleness": "2s", "upstream_timeout": "20s", "pdp_timeout": "10s"}
        settings["gateway"] = {**own, "listen": "127.0.0.1:0", "pdp": [pdp.address]}
        (folder / "gateway.yaml").write_text(json.dumps(settings))
        gateway = stack.enter_context(_gateway(folder))
        port = int(str(gateway.until("gateway_ready")["url"]).split(":")[2].split("/")[0])
        token = toolgate_here(folder, "dev", "token", "--sub", "alice", "--group", "eng").stdout.strip()
        yield Rug(folder, gateway, port, token, told, entries)


def _entry(folder: Path, name: str, stack: contextlib.ExitStack, *, over_http: bool) -> dict[str, Any]:
    script = str(folder / f"{name}.json")
    if not over_http:
        return {"command": sys.executable, "args": [SHIFTY, "stdio", script]}
    process = subprocess.Popen([sys.executable, SHIFTY, "http", script], stdout=subprocess.PIPE, text=True)
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout is not None
    stack.callback(process.stdout.close)
    return {"url": f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"}


@contextlib.contextmanager
def _gateway(folder: Path) -> Iterator[Pdp]:
    """`toolgate gateway` in `folder`, stopped in the end."""
    command = [*TOOLGATE, "gateway", "--config", "gateway.yaml"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    gateway = Pdp(process, folder)
    reader = threading.Thread(target=gateway.read)
    reader.start()
    try:
        yield gateway
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()
            process.wait()
            reader.join(DEADLINE)
            assert process.stdout is not None
            process.stdout.close()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
