"""Composition: settings to a router with its servers, a chain before it, and a service for a transport."""

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import structlog
from structlog.typing import FilteringBoundLogger

from enforcers.clock import system_clock
from enforcers.compose import open_chain
from enforcers.definitions import Definitions
from enforcers.gateway.answer import Wording
from enforcers.gateway.link import Freshness, UpstreamFactory
from enforcers.gateway.listen import allowed_hosts
from enforcers.gateway.naming import Naming
from enforcers.gateway.router import Router
from enforcers.gateway.service import SILENT, Service
from enforcers.gateway.sessions import Sessions
from enforcers.gateway.transports.entrance import Entrance
from enforcers.gateway.transports.http_app import MCP_PATH, HttpApp, Page
from enforcers.gateway.transports.protected_resource import Acceptance, Holders, ProtectedResource
from enforcers.gateway.transports.streamable_http import StreamableHttp, Surroundings
from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.peer import Peer
from enforcers.gateway.upstreams.process import Command, inherited
from enforcers.gateway.upstreams.stdio import StdioConnector
from enforcers.gateway.upstreams.streamable_http import HttpConnector
from enforcers.gateway.upstreams.upstream import Upstream, UpstreamLimits
from enforcers.offer import Found
from pdp.core.contract.errors import ConfigurationError, DecisionError, Problem
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.settings.gateway import GatewaySettings
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.model import Settings, UpstreamSettings
from pdp.core.settings.possession import Binding
from pdp.hosting.address import TcpAddress
from pdp.tokens.presented import Scheme
from pdp.tokens.proof.proof_key import PROOF_ALGORITHMS

_DISTRIBUTION: Final = "toolgate"
_NO_PAGES: Final[Mapping[str, Page]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Gateway:
    """A router, the service before it, and what finds the tool that a call would go to."""

    router: Router
    service: Service
    offers: Found

    def common_scopes(self) -> Sequence[str]:
        """The scopes that every tool needs."""
        return ()


@dataclass(frozen=True, slots=True)
class GuardedGateway(Gateway):
    """A gateway whose calls go through a chain."""

    definitions: Definitions

    def common_scopes(self) -> Sequence[str]:
        """The scopes that every tool needs."""
        return self.definitions.common_scopes()

    async def start(self) -> None:
        """Connect to every server and compare what they offer with the catalog, where there is one yet.

        Raises:
            ConfigurationError: two approved tools have one name on the wire.

        """
        await self.router.start()
        try:
            comparison = await self.definitions.compare()
        except DecisionError:
            return  # logged by whoever asked, and asked again
        problems = [_collision(name, tools) for name, tools in comparison.collisions()]
        if problems:
            raise ConfigurationError(problems)


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    *,
    base: Path,
    servers: Mapping[str, UpstreamFactory],
    naming: Naming,
    legacy: Mapping[str, Any] = SILENT,
) -> AsyncIterator[GuardedGateway]:
    """The gateway of `settings`, whose paths are relative to `base`, before `servers`, not started yet.

    `legacy` is what clients of the legacy era are told that it can.

    Raises:
        ConfigurationError: with every problem found.
        UnusableError: a key, the log or an extra is missing.

    """
    log: FilteringBoundLogger = structlog.get_logger("toolgate.gateway")
    clock = system_clock()
    own = settings.gateway
    freshness = Freshness(own.definitions_max_age, patience=own.upstream_timeout, jitter=random.random)
    router = Router(servers, naming=naming, freshness=freshness, steady=clock.steady, log=log)
    try:
        async with open_chain(settings, base=base, offers=router, forwarder=router) as enforcer:
            wording = Wording(introduction(), settings.gateway.denial_code)
            service = Service(enforcer.chain, wording=wording, log=log, legacy=legacy)
            yield GuardedGateway(router, service, enforcer.definitions, enforcer.definitions)
    finally:
        await router.aclose()


def _collision(wire_name: str, tools: Sequence[str]) -> Problem:
    both = " and ".join(f"`{tool}`" for tool in tools)
    return Problem("mcpServers", 0, 0, "name_collision", f"{both} have one name on the wire, `{wire_name}`")


def http_app(
    gateway: Gateway,
    *,
    settings: Settings,
    bound: TcpAddress,
    ready: Callable[[], bool],
    pages: Mapping[str, Page] = _NO_PAGES,
) -> HttpApp:
    """The ASGI application for a gateway that listens on `bound`; `pages` are others than its own, by path.

    Raises:
        ConfigurationError: nothing says under which name it may be addressed.

    """
    own = settings.gateway
    resource = _resource(gateway, settings, bound)
    origins = frozenset(own.allowed_origins)
    surroundings = Surroundings(
        hosts=allowed_hosts(bound, resource=own.resource, configured=own.allowed_hosts),
        origins=origins,
        entrance=Entrance.of(own),
        resource=resource,
        limits=message_limits(own),
        steady=system_clock().steady,
    )
    sessions = Sessions(max_sessions=own.max_sessions, idle=own.session_idle)
    endpoint = StreamableHttp(gateway.service, offers=gateway.offers, sessions=sessions, surroundings=surroundings)
    return HttpApp(endpoint, resource=resource, origins=origins, ready=ready, pages=pages)


def _resource(gateway: Gateway, settings: Settings, bound: TcpAddress) -> ProtectedResource:
    own = settings.gateway
    return ProtectedResource(
        own.resource or f"http://{bound}{MCP_PATH}",
        _issuers(settings.identity),
        name=own.resource_name,
        holders=_holders(settings),
        scopes=gateway.common_scopes,
        passwords=[Scheme.BASIC] if settings.identity.basic else [],
    )


def _issuers(identity: IdentitySettings) -> list[str]:
    """The authorization servers that clients can get tokens from, ours only where they can from it."""
    own = identity.local_issuer if identity.id_jag is not None else None
    return [*(issuer.issuer for issuer in identity.issuers), *([] if own is None else [own.issuer])]


def _holders(settings: Settings) -> Holders:
    """What every issuer wants is required, what some do is accepted; without an issuer there is nothing to show."""
    issuers = settings.identity.issuers
    if not issuers:
        return Holders()
    is_proved = {issuer.dpop for issuer in issuers} == {Binding.REQUIRED}
    seen = settings.gateway.client_certificate is not None
    return Holders(
        proofs=Acceptance.REQUIRED if is_proved else Acceptance.ACCEPTED,
        algorithms=PROOF_ALGORITHMS,
        certificates=Acceptance.ACCEPTED if seen else Acceptance.UNSUPPORTED,
    )


def configured_servers(settings: Settings, *, base: Path, environment: Mapping[str, str]) -> dict[str, UpstreamFactory]:
    """The servers of `mcpServers`; a process gets little of `environment` beside what is configured."""
    limits = upstream_limits(settings.gateway)
    connectors = configured_connectors(settings, base=base, environment=environment)
    return {name: upstream_factory(way, server=name, limits=limits) for name, way in connectors.items()}


def configured_connectors(settings: Settings, *, base: Path, environment: Mapping[str, str]) -> dict[str, Connector]:
    """The ways to the servers of `mcpServers`."""
    limits = upstream_limits(settings.gateway)
    return {name: _connector(name, server, limits, base, environment) for name, server in settings.mcpServers.items()}


def upstream_factory(connector: Connector, *, server: str, limits: UpstreamLimits) -> UpstreamFactory:
    """Makes the upstream behind `connector`."""
    log = structlog.get_logger("toolgate.upstream").bind(server=server)

    def make(on_change: Callable[[], None]) -> Upstream:
        return Peer(connector, limits=limits, client=introduction(), on_change=on_change, log=log)

    return make


def introduction() -> dict[str, str]:
    """How we name ourselves to clients and servers."""
    try:
        number = version(_DISTRIBUTION)
    except PackageNotFoundError:
        number = "0"
    return {"name": _DISTRIBUTION, "version": number}


def message_limits(gateway: GatewaySettings) -> JsonLimits:
    """The bounds on one message, from either side."""
    return JsonLimits(max_bytes=gateway.max_message_bytes, max_depth=gateway.max_message_depth)


def upstream_limits(gateway: GatewaySettings) -> UpstreamLimits:
    """The bounds on what a server may cost; the era probe gets a quarter of the time to start."""
    return UpstreamLimits(
        start_timeout=gateway.upstream_start_timeout,
        probe_timeout=gateway.upstream_start_timeout / 4,
        call_timeout=gateway.upstream_timeout,
        message=message_limits(gateway),
    )


def _connector(
    name: str, server: UpstreamSettings, limits: UpstreamLimits, base: Path, environment: Mapping[str, str]
) -> Connector:
    if server.url is not None:
        return HttpConnector(server.url, headers=server.headers, limits=limits)
    assert server.command is not None  # noqa: S101 - the settings have one of the two
    command = Command(
        argv=[server.command, *server.args],
        environment={**inherited(environment), **server.env},
        cwd=None if server.cwd is None else base / server.cwd,
    )
    return StdioConnector(command, limits=limits, log=structlog.get_logger("toolgate.upstream").bind(server=name))
