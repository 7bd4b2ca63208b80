"""What stands around a measured gateway: upstreams, policies, a catalog of the live tools, an issuer, a token."""

import contextlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from pdp.core.contract.record import DecisionRecord, OutcomeRecord
from pdp.core.contract.record_terms import DecisionOrigin, Effect, Fate
from pdp.core.contract.sealed import unseal
from pdp.core.settings.decision_point import LogMode
from pdp.core.settings.identity import DevIssuerSettings
from pdp.tokens.local.dev_issuer import DevClaims, DevIssuer
from tests.bench.load import MARK
from tests.bench.programs import TOOLGATE, free_port, running
from tests.snapshots import tool_path, tool_snapshot
from tests.spools import wait_until_delivered

AUDIENCE: Final = "http://gateway.test/mcp"
ISSUER: Final = "http://issuer.test/"
TOOL: Final = "echo"
PADDING: Final = " what is to be said again, as long as a sentence or two usually are in a call of a tool"
TTL: Final = 3600.0

_VERSION: Final = "2026-07-28"
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
_POLICIES: Final = """
@id("engineers-use-echo")
permit (principal in Mcp::Group::"corp|eng", action in Mcp::Action::"tools/call", resource)
when { context.scopes.contains("tools") };

@id("operators-use-everything")
permit (principal in Mcp::Group::"corp|ops", action in Mcp::Action::"tools/call", resource);

@id("nobody-says-this")
@message("that must not be said")
forbid (principal, action in [Mcp::Action::"lean/echo", Mcp::Action::"sdk/echo"], resource)
when { context.arguments.text == "swordfish" };

@id("agents-only-for-people")
forbid (principal is Mcp::Agent, action, resource) unless { context has delegation };
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder with all that gateways need, and the upstreams by their names."""

    folder: Path
    upstreams: Mapping[str, int]
    token: str

    @contextlib.contextmanager
    def gateway(
        self, name: str, *, module: str = TOOLGATE, mode: LogMode = LogMode.SPOOLED, pdp: int | None = None
    ) -> Iterator[int]:
        """A gateway's port; it decides by itself, or asks a decision point that listens on `pdp`."""
        port = free_port()
        decisions = {"decisions": "embedded"} if pdp is None else {"pdp": [f"http://127.0.0.1:{pdp}"]}
        config = self._configure(
            name,
            pdp={"log": {"mode": mode.value}, **({} if pdp is None else {"listen": f"127.0.0.1:{pdp}"})},
            gateway={"listen": f"127.0.0.1:{port}", **decisions},
        )
        verb = ["gateway", "--config"] if module == TOOLGATE else []
        with contextlib.ExitStack() as stack:
            if pdp is not None:
                output = config.parent / "serve.log"
                stack.enter_context(running(TOOLGATE, "serve", "--config", str(config), port=pdp, output=output))
            output = config.parent / "gateway.log"
            stack.enter_context(running(module, *verb, str(config), port=port, output=output))
            yield port

    def records(self, name: str) -> "Records":
        """What the log of a gateway holds, once all has come to it."""
        wait_until_delivered(self.folder / name)
        counts: Counter[str] = Counter()
        with contextlib.closing(sqlite3.connect(self.folder / name / "toolgate.db")) as log:
            for (content,) in log.execute("SELECT content FROM records"):
                match unseal(content).record:
                    case DecisionRecord(effect=Effect.ALLOW, origin=origin):
                        counts["cached" if origin is DecisionOrigin.CACHED else "decided"] += 1
                    case DecisionRecord():
                        counts["others"] += 1
                    case OutcomeRecord(fate=Fate.ANSWERED):
                        counts["answered"] += 1
                    case _:
                        pass
        return Records(counts["cached"], counts["decided"], counts["answered"], counts["others"])

    def _configure(self, name: str, **sections: Any) -> Path:
        shared = {"policies": str(self.folder / "policies"), "schemas": str(self.folder / "schemas")}
        issuer = {"alias": "corp", "issuer": ISSUER, "audience": AUDIENCE, "jwks": str(self.folder / "jwks.json")}
        servers = {server: {"url": f"http://127.0.0.1:{port}/mcp"} for server, port in self.upstreams.items()}
        settings = {
            "version": 1,
            **sections,
            "pdp": {**shared, **sections["pdp"]},
            "identity": {"issuers": [issuer]},
            "mcpServers": servers,
        }
        config = self.folder / name / "toolgate.yaml"
        config.parent.mkdir()
        config.write_text(yaml.safe_dump(settings))
        return config


@dataclass(frozen=True, slots=True)
class Records:
    """How many decisions were allowed from the cache or else, outcomes of answered calls, other decisions."""

    cached: int
    decided: int
    answered: int
    others: int


@contextlib.contextmanager
def set_scene(folder: Path) -> Iterator[Scene]:
    """Upstreams running, and in `folder` policies, snapshots of their tools, keys and a token."""
    upstreams = {"lean": free_port(), "sdk": free_port()}
    with contextlib.ExitStack() as stack:
        for name, port in upstreams.items():
            module, output = f"tests.bench.{name}_upstream", folder / f"{name}.log"
            stack.enter_context(running(module, str(port), port=port, output=output))
        (folder / "policies").mkdir()
        (folder / "policies" / "bench.cedar").write_text(_POLICIES)
        (folder / "policies" / "catalog.yaml").write_text("version: 1\nservers: {lean: {trusted: true}, sdk: {}}\n")
        for name, port in upstreams.items():
            snapshot = folder / tool_path(name, TOOL)
            snapshot.parent.mkdir(parents=True)
            snapshot.write_bytes(tool_snapshot(_definition(port)))
        yield Scene(folder, upstreams, _issue_token(folder))


def call_request(port: int, *, tool: str, token: str | None) -> bytes:
    """The bytes of a `tools/call` with `MARK` in its argument."""
    params = {"name": tool, "arguments": {"text": MARK.decode() + PADDING}, "_meta": _META}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Content-Length": str(len(body)),
        **_headers("tools/call"),
        "Mcp-Name": tool,
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /mcp HTTP/1.1\r\n{head}\r\n".encode() + body


def expected_text() -> bytes:
    """What stands in the body of a good answer."""
    return b'"text":"' + MARK + PADDING.encode() + b'"'


def _headers(method: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": _VERSION,
        "Mcp-Method": method,
    }


def _definition(port: int) -> dict[str, Any]:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": _META}}
    answer = httpx.post(f"http://127.0.0.1:{port}/mcp", json=request, headers=_headers("tools/list"), timeout=30)
    (definition,) = answer.json()["result"]["tools"]
    return dict(definition)


def _issue_token(folder: Path) -> str:
    """A token of an issuer that is configured by its key set, as any issuer is."""
    issuer = DevIssuer.open(DevIssuerSettings(issuer=ISSUER, audience=AUDIENCE), base=folder)
    (folder / "jwks.json").write_bytes(issuer.public_key_set())
    claims = DevClaims("alice", groups=("eng", "staff"), scopes=("tools", "profile"), client_id="assistant")
    return issuer.sign(claims, now=time.time(), ttl=TTL, token_id="bench")
