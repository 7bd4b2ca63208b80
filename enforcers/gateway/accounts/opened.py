"""The pages that the settings ask for."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from enforcers.clock import system_clock
from enforcers.gateway.accounts.account_pages import AccountPages
from enforcers.gateway.accounts.page import Door
from enforcers.gateway.accounts.token_pages import TokenPages
from enforcers.gateway.listen import allowed_hosts
from enforcers.gateway.transports.entrance import Entrance
from enforcers.gateway.transports.http_app import Page
from pdp.core.settings.model import Settings
from pdp.hosting.address import TcpAddress
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.opened import open_account_service
from pdp.tokens.trust import open_exchange


@asynccontextmanager
async def open_pages(settings: Settings, *, base: Path, bound: TcpAddress) -> AsyncIterator[Mapping[str, Page]]:
    """The pages by path, none where nothing asks for them; paths in `settings` are relative to `base`.

    Raises:
        ConfigurationError: with every problem found.
        UnusableError: a file, the store of accounts or an extra is missing.

    """
    log: FilteringBoundLogger = structlog.get_logger("toolgate.accounts")
    own, identity, clock = settings.gateway, settings.identity, system_clock()
    pages: dict[str, Page] = {}
    if identity.local_issuer is None:
        yield pages
        return
    door = Door(
        allowed_hosts(bound, resource=own.resource, configured=own.allowed_hosts),
        frozenset(own.allowed_origins),
        Entrance.of(own),
    )
    issuer = LocalIssuer.open(identity.local_issuer, base=base)
    if identity.id_jag is not None:
        exchange = open_exchange(identity, issuer=issuer, base=base, random=clock.randomness, log=log)
        pages |= TokenPages(exchange, issuer=issuer, door=door, unix=clock.wall, log=log).by_path
    if identity.local_accounts is None:
        yield pages
        return
    accounts = open_account_service(identity.local_accounts, issuer=issuer, base=base, random=clock.randomness, log=log)
    try:
        yield pages | dict(AccountPages(accounts, door=door, unix=clock.wall, log=log).by_path)
    finally:
        await accounts.aclose()
