"""Composition: settings to a chain with its decision point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from enforcers.cache import CachedDecisions
from enforcers.catalog_view import CatalogView
from enforcers.chain import Chain
from enforcers.clock import system_clock
from enforcers.decision_source import DecisionPoint
from enforcers.definitions import Definitions
from enforcers.embedded import open_embedded
from enforcers.offer import Forwarder, Offers
from enforcers.principals import Principals
from enforcers.remote import RemoteDecisionPoint
from enforcers.spool import Recorder
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.settings.gateway import DecisionMode
from pdp.core.settings.model import Settings
from pdp.tokens.local.opened import refuse_secrets_in_the_clear
from pdp.tokens.secret_file import read_secret
from pdp.tokens.trust import build_authenticator, refuse_dev_issuer_off_loopback


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
    point = open_decision_point(settings, base=base)
    catalog = CatalogView(point, max_age=gateway.max_staleness, steady=clock.steady, log=log)
    recorder = Recorder(point, writer=gateway.name, clock=clock)
    definitions = Definitions(offers, catalog=catalog, recorder=recorder, log=log)
    watching = asyncio.create_task(definitions.watch())
    try:
        chain = Chain(
            authenticator=authenticator,
            principals=Principals(catalog),
            definitions=definitions,
            decisions=CachedDecisions(
                point, entries=gateway.cache_entries, max_staleness=gateway.max_staleness, steady=clock.steady
            ),
            recorder=recorder,
            forwarder=forwarder,
            clock=clock,
        )
        yield Enforcer(chain, definitions)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await catalog.aclose()
        await point.aclose()


def open_decision_point(settings: Settings, *, base: Path) -> DecisionPoint:
    """The decision point that `gateway.decisions` asks for.

    Raises:
        ConfigurationError: with every problem found.
        UnusableError: a key, the log or an extra is missing.

    """
    gateway = settings.gateway
    remote = gateway.decisions is DecisionMode.REMOTE or (gateway.decisions is DecisionMode.AUTO and gateway.pdp)
    if not remote:
        return open_embedded(settings, base=base, enforcer=gateway.name)
    if not gateway.pdp:
        text = "`gateway.decisions: remote` needs the URL of a decision point in `gateway.pdp`"
        raise ConfigurationError([Problem("gateway.pdp", 0, 0, "pdp_missing", text)])
    key = read_secret(base / gateway.key).decode("ascii").strip()
    return RemoteDecisionPoint(gateway.pdp, key=key, timeout=gateway.pdp_timeout)
