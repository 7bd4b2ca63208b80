"""The product as its users run it: real commands, each in a process of its own, real servers behind them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult, TextContent

from pdp.cli.demo.scene import set_scene
from tests.conftest import ROOT
from tests.spools import wait_until_delivered

TOOLGATE = (sys.executable, "-m", "pdp.cli.main")
DEADLINE = 60.0
ALICE = ("--sub=alice", "--group=eng", "--tenant=acme", "--scope=git:read", "--scope=git:write", "--scope=files:write")
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Product:
    """A configuration in a folder of its own, with a copy of the example policy repository."""

    folder: Path
    repository: Path
    settings: dict[str, Any]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "toolgate.yaml"

    @property
    def pdp(self) -> str:
        return f"http://{self.settings['pdp']['listen']}"

    @property
    def mcp(self) -> str:
        return f"http://{self.settings['gateway']['listen']}/mcp"

    def configure(self) -> None:
        self.config.write_text(yaml.safe_dump(self.settings))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [*TOOLGATE, *arguments, "--config", str(self.config)]
        env = {**os.environ, **environment}  # noqa: TID251 - a child gets what we have
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE, env=env, cwd=ROOT)

    def token(self, *claims: str) -> str:
        if claims in self.tokens:
            return self.tokens[claims]
        done = self.run("dev", "token", *claims)
        assert done.returncode == 0, done.stderr
        return self.tokens.setdefault(claims, done.stdout.strip())

    def records(self, *question: str) -> list[dict[str, Any]]:
        wait_until_delivered(self.folder)
        done = self.run("log", "query", "--json", *question)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, verb: str, *, ready: str) -> subprocess.Popen[bytes]:
        output = self.folder / f"{verb}.log"
        with output.open("ab") as sink:
            process = subprocess.Popen(
                [*TOOLGATE, verb, "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        self.running.append(process)
        until(lambda: _ready(process, ready), why=output.read_text)
        return process

    def serve(self) -> subprocess.Popen[bytes]:
        return self.start("serve", ready=f"{self.pdp}/readyz")

    def gateway(self) -> subprocess.Popen[bytes]:
        return self.start("gateway", ready=self.mcp.removesuffix("/mcp") + "/readyz")


def _ready(process: subprocess.Popen[bytes], url: str) -> object:
    assert process.poll() is None, f"ended with {process.returncode}"
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    return False


def until(met: Any, *, why: Any = lambda: "") -> None:
    """Poll until `met()`, within the deadline."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            done = met()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{why()}") from error
        if done:
            return
        assert time.monotonic() < deadline, f"not within {DEADLINE} s\n{why()}"
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> int:
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextlib.contextmanager
def product(folder: Path, **gateway: Any) -> Iterator[Product]:
    """A product on free ports that nobody has started yet; whatever is started is stopped."""
    repository = folder / "repository"
    for part in ("policies", "schemas"):
        _copy(ROOT / part, repository / part)
    if (ROOT / "node_modules").is_dir():
        (repository / "node_modules").symlink_to(ROOT / "node_modules")
    scene = set_scene(folder / "scene", repository=repository)
    made = Product(scene.folder, repository, yaml.safe_load(scene.config.read_text()))
    made.settings["gateway"] |= gateway
    made.configure()
    try:
        yield made
    finally:
        for process in reversed(made.running):
            stop(process)


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


@contextlib.asynccontextmanager
async def client(url: str, token: str) -> AsyncIterator[Client]:
    """A client of the real SDK, bearing `token`."""
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(url, http_client=http)) as connected,
    ):
        yield connected


async def call(url: str, token: str, tool: str, **arguments: Any) -> CallToolResult:
    async with asyncio.timeout(DEADLINE), client(url, token) as connected:
        return await connected.call_tool(tool, arguments)


def code_of(result: CallToolResult) -> str:
    ours = (result.meta or {}).get("toolgate", {})
    return str(ours.get("reason_code")) if result.is_error else "allowed"


def text_of(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


def post(url: str, method: str, params: dict[str, Any], *, token: str | None = None, name: str = "") -> httpx.Response:
    """One raw modern request."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
    }
    headers |= {"Mcp-Name": name} if name else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    return httpx.post(url, json=body, headers=headers, timeout=DEADLINE)
