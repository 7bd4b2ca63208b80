"""Composition: settings to a chain with its decision point."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from enforcers.account import KEY_BYTES, ArgumentRecording
from enforcers.cache import CachedDecisions
from enforcers.catalog_view import CatalogView
from enforcers.chain import Chain
from enforcers.client_proof import ClientKey, ClientSecret, read_client_key
from enforcers.clock import system_clock
from enforcers.decision_source import DecisionPoint
from enforcers.definitions import Definitions
from enforcers.embedded import open_embedded
from enforcers.generations import Generations
from enforcers.offer import Forwarder, Offers
from enforcers.pdp_credential import (
    ClientCredential,
    Credential,
    DiscoveredPlace,
    FixedPlace,
    KeyCredential,
    TokenPlace,
)
from enforcers.principals import Principals
from enforcers.recorder import Recorder
from enforcers.remote import RemoteDecisionPoint
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.settings.gateway import DecisionMode, GatewaySettings
from pdp.core.settings.model import Settings
from pdp.core.settings.pdp_credentials import PdpCredentialSettings
from pdp.spool.bounds import SpoolBounds
from pdp.spool.sink import Sink
from pdp.spool.spool import Spool
from pdp.tokens.fetch.discovery import Discovery
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.identity_problems import refuse_dev_issuer_off_loopback
from pdp.tokens.local.opened import refuse_secrets_in_the_clear
from pdp.tokens.secret_file import obtain_secret, read_secret
from pdp.tokens.trust import build_authenticator


@dataclass(frozen=True, slots=True)
class Enforcer:
    """A chain, and the live definitions that it knows."""

    chain: Chain
    definitions: Definitions


@asynccontextmanager
async def open_chain(
    settings: Settings, *, base: Path, offers: Offers, forwarder: Forwarder
) -> AsyncIterator[Enforcer]:
    """The chain of `settings`, whose paths are relative to `base`.

    Raises:
        ConfigurationError: with every problem found.
        UnusableError: a key, the log or an extra is missing.

    """
    problems = (*refuse_dev_issuer_off_loopback(settings), *refuse_secrets_in_the_clear(settings))
    if problems:
        raise ConfigurationError(problems)
    clock = system_clock()
    gateway = settings.gateway
    log = structlog.get_logger("toolgate.definitions")
    authenticator = build_authenticator(settings.identity, base=base, log=structlog.get_logger("toolgate.tokens"))
    point = await open_decision_point(settings, base=base)
    spool = open_spool(settings, point, base=base, clock=clock)
    catalog = CatalogView(point, max_age=gateway.max_staleness, steady=clock.steady, log=log, heads=spool.heads)
    arguments = argument_recording(gateway, base=base)
    recorder = Recorder(spool, writer=gateway.name, clock=clock, arguments=arguments)
    definitions = Definitions(offers, catalog=catalog, recorder=recorder, log=log)
    try:
        await spool.start()
    except UnusableError:
        await point.aclose()
        raise
    watching = asyncio.create_task(definitions.watch())
    try:
        chain = Chain(
            authenticator=authenticator,
            principals=Principals(catalog),
            definitions=definitions,
            decisions=CachedDecisions(
                Generations(point, log=structlog.get_logger("toolgate.generations")),
                entries=gateway.cache_entries,
                max_staleness=gateway.max_staleness,
                steady=clock.steady,
            ),
            recorder=recorder,
            forwarder=forwarder,
            clock=clock,
            shown=gateway.lists,
        )
        yield Enforcer(chain, definitions)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await catalog.aclose()
        await spool.aclose()
        await point.aclose()


def open_spool(settings: Settings, sink: Sink, *, base: Path, clock: Clock) -> Spool:
    """The spool before `sink`, with a folder for each name of an enforcer; it takes records once it is started."""
    gateway = settings.gateway
    return Spool(
        base / gateway.spool.path / gateway.name,
        sink,
        mode=gateway.spool.mode or settings.pdp.log.mode,
        clock=clock,
        log=structlog.get_logger("toolgate.spool"),
        bounds=SpoolBounds.of(gateway.spool),
    )


def argument_recording(gateway: GatewaySettings, *, base: Path) -> ArgumentRecording:
    """What records have of arguments by `gateway`, with the key, which is made where there is none.

    Raises:
        UnusableError: the key cannot be read or made, or is none.

    """
    path = base / gateway.record_key
    key = obtain_secret(path, lambda: secrets.token_bytes(KEY_BYTES))
    if len(key) != KEY_BYTES:
        raise UnusableError(f"`{path}` is no key of {KEY_BYTES} bytes: move it away, and another one is made")
    return ArgumentRecording(key, gateway.record_arguments)


async def open_decision_point(settings: Settings, *, base: Path) -> DecisionPoint:
    """The decision point that `gateway.decisions` asks for.

    Raises:
        ConfigurationError: with every problem found.
        UnusableError: a key, the log or an extra is missing.

    """
    gateway = settings.gateway
    remote = gateway.decisions is DecisionMode.REMOTE or (gateway.decisions is DecisionMode.AUTO and gateway.pdp)
    if not remote:
        return await open_embedded(settings, base=base, enforcer=gateway.name)
    if not gateway.pdp:
        text = "`gateway.decisions: remote` needs the URL of a decision point in `gateway.pdp`"
        raise ConfigurationError([Problem("gateway.pdp", 0, 0, "pdp_missing", text)])
    return RemoteDecisionPoint(gateway.pdp, credential=_credential(settings, base=base), timeout=gateway.pdp_timeout)


def _credential(settings: Settings, *, base: Path) -> Credential:
    gateway, asked = settings.gateway, settings.gateway.pdp_credentials
    if asked is None:
        return KeyCredential(read_secret(base / gateway.key).decode("ascii").strip())
    fetcher = Fetcher(private_networks=settings.identity.private_networks)
    proof: ClientSecret | ClientKey = ClientSecret(asked.client_id, asked.client_secret or "")
    if asked.private_key is not None:
        proof = _client_key(asked.client_id, base / asked.private_key)
    members = {"scope": asked.scope, "resource": asked.resource}
    return ClientCredential(
        _token_place(settings, asked, fetcher=fetcher),
        proof,
        asked={name: value for name, value in members.items() if value is not None},
        fetcher=fetcher,
        timeout=gateway.pdp_timeout,
        clock=system_clock(),
    )


def _client_key(client_id: str, path: Path) -> ClientKey:
    try:
        return read_client_key(client_id, read_secret(path), file=str(path))
    except FileNotFoundError as error:
        raise UnusableError(f"there is no private key at `{path}`: see `gateway.pdp_credentials`") from error


def _token_place(settings: Settings, asked: PdpCredentialSettings, *, fetcher: Fetcher) -> TokenPlace:
    try:
        if asked.issuer is None:
            return FixedPlace(asked.token_endpoint or "")
        discovery = Discovery(
            asked.issuer,
            fetcher=fetcher,
            timeout=settings.gateway.pdp_timeout,
            max_age=settings.identity.jwks_max_age,
            log=structlog.get_logger("toolgate.tokens"),
        )
    except UnavailableError as error:
        raise ConfigurationError([Problem("gateway.pdp_credentials", 0, 0, "url_invalid", str(error))]) from error
    return DiscoveredPlace(asked.issuer, discovery=discovery)
