"""A gateway in this process with real servers behind it, the real chain, and a decision point in memory."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog

from enforcers.account import ArgumentRecording
from enforcers.catalog_view import CatalogView
from enforcers.chain import Authenticator, Chain
from enforcers.clock import system_clock
from enforcers.definitions import Definitions
from enforcers.gateway.answer import Wording
from enforcers.gateway.app import GuardedGateway, http_app, upstream_factory
from enforcers.gateway.link import Freshness
from enforcers.gateway.naming import Naming, Prefixed
from enforcers.gateway.router import Router
from enforcers.gateway.service import Service
from enforcers.gateway.transports.entrance import proxies_of_connections
from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.process import Command
from enforcers.gateway.upstreams.stdio import StdioConnector
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from enforcers.principals import Principals
from enforcers.recorder import Recorder
from enforcers.testing.decision_point import InMemoryDecisionPoint
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import TokenError
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.settings.model import Settings
from pdp.hosting.address import TcpAddress
from pdp.hosting.http_server import HttpServer
from pdp.hosting.sockets import bind, with_real_port
from pdp.tokens.presented import Presented, Scheme

SERVERS = Path(__file__).parent / "servers"
LIMITS = UpstreamLimits(
    start_timeout=15,
    probe_timeout=5,
    call_timeout=10,
    stop_timeout=1,
    message=JsonLimits(max_bytes=4 * 1024 * 1024),
    max_pages=50,
)
DEADLINE = 20.0


class Tokens:
    """Bearer tokens are the names of their subjects, followed by `-token`; with `refuses` none is any more."""

    def __init__(self) -> None:
        self.seen: list[Presented] = []
        self.refuses: TokenError | None = None

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        self.seen.append(presented)
        if self.refuses is not None:
            raise self.refuses
        subject, dash, rest = presented.value.partition("-")
        if not dash or rest != "token" or presented.scheme is not Scheme.BEARER:
            code = ReasonCode.TOKEN_EXPIRED if rest == "expired" else ReasonCode.TOKEN_INVALID
            raise TokenError(code, "not one of ours")
        return VerifiedClaims("corp", "https://login.test/", subject, now + 60, {"groups": ["eng"]})


def odd(mode: str, *, limits: UpstreamLimits = LIMITS) -> StdioConnector:
    return stdio(sys.executable, str(SERVERS / "odd.py"), mode, limits=limits)


def stdio(*argv: str, limits: UpstreamLimits = LIMITS, environment: Mapping[str, str] | None = None) -> StdioConnector:
    return StdioConnector(Command(argv, environment or {}), limits=limits, log=structlog.get_logger())


@dataclass
class Host:
    """The gateway and everything around it."""

    gateway: GuardedGateway
    point: InMemoryDecisionPoint
    tokens: Tokens
    chain: Chain
    address: TcpAddress = field(default_factory=lambda: TcpAddress("127.0.0.1", 0))

    @property
    def router(self) -> Router:
        return self.gateway.router

    @property
    def url(self) -> str:
        return f"http://{self.address}/mcp"

    def approve_live_tools(self) -> None:
        tools = [
            Tool(server=o.server, name=o.tool, pin=o.pin, input_schema=o.definition["inputSchema"])
            for _, o in self.router.all()
        ]
        self.point.active = Catalog(tools)

    @property
    def reasons(self) -> list[str]:
        return [record.reason_code.value for record in self.point.decisions]


@asynccontextmanager
async def open_host(
    connectors: Mapping[str, Connector],
    *,
    naming: Naming | None = None,
    limits: UpstreamLimits = LIMITS,
    max_age: float = 60.0,
    authenticator: Authenticator | None = None,
    wall: Callable[[], float] | None = None,
) -> AsyncIterator[Host]:
    """A host whose router has been started and whose catalog approves what it found.

    `authenticator` is there in place of `Tokens`, `wall` in place of the machine's clock.
    """
    clock = system_clock() if wall is None else replace(system_clock(), wall=wall)
    log = structlog.get_logger()
    servers = {name: upstream_factory(c, server=name, limits=limits) for name, c in connectors.items()}
    freshness = Freshness(max_age, patience=limits.call_timeout)
    router = Router(servers, naming=naming or Prefixed(), freshness=freshness, steady=clock.steady, log=log)
    point = InMemoryDecisionPoint(Catalog([]))
    tokens = Tokens()
    recorder = Recorder(point, writer="gateway", clock=clock, arguments=ArgumentRecording(bytes(32)))
    catalog = CatalogView(point, max_age=0, steady=clock.steady, log=log)
    definitions = Definitions(router, catalog=catalog, recorder=recorder, log=log)
    chain = Chain(
        authenticator=authenticator or tokens,
        principals=Principals(catalog),
        definitions=definitions,
        decisions=point,
        recorder=recorder,
        forwarder=router,
        clock=clock,
    )
    service = Service(chain, wording=Wording({"name": "toolgate", "version": "0"}, -32001), log=log)
    host = Host(GuardedGateway(router, service, definitions, definitions), point, tokens, chain)
    try:
        await router.start()
        host.approve_live_tools()
        await definitions.compare()
        yield host
    finally:
        await catalog.aclose()
        await router.aclose()


@asynccontextmanager
async def serve(host: Host, *, issuer: str = "https://login.test/", **gateway: Any) -> AsyncIterator[Host]:
    """`host`, listening on a free port; `gateway` are its settings."""
    settings = Settings.model_validate(
        {
            "version": 1,
            "gateway": gateway,
            "identity": {
                "issuers": [
                    {
                        "alias": "corp",
                        "issuer": issuer,
                        "audience": "https://here.test",
                        "jwks": "jwks.json",
                    }
                ]
            },
        }
    )
    address = TcpAddress("127.0.0.1", 0)
    socket = bind(address)
    host.address = with_real_port(address, socket=socket)
    listening = asyncio.Event()
    app = http_app(host.gateway, settings=settings, bound=host.address, ready=listening.is_set)
    proxies = proxies_of_connections(settings.gateway)
    server = HttpServer(app, bound=socket, on_ready=listening.set, proxies=proxies)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(DEADLINE):
            await listening.wait()
        yield host
    finally:
        server.stop()
        await serving
        socket.close()


async def until(condition: Any, *, what: str) -> None:
    """Return once `condition()` holds; fails after the deadline."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"still not so after {DEADLINE} s: {what}") from None
