"""The application for administrators, from the settings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.settings.model import Settings
from pdp.hosting.address import listen_address
from pdp.revocation.store import RevocationStore
from pdp.server.admin.app import admin_app
from pdp.server.admin.authority import Authority, Role
from pdp.server.admin.bundle import bundle_routes
from pdp.server.admin.guard import Entrance, Guard
from pdp.server.admin.revocations import revocation_routes
from pdp.server.admin.state import state_routes
from pdp.server.enforcers import for_audience
from pdp.server.interior import Interior
from pdp.tokens.trust import build_authenticator


def open_admin(
    settings: Settings,
    interior: Interior,
    *,
    base: Path,
    mapping: Callable[[], IdentityMapping],
    store: RevocationStore,
    clock: Clock,
) -> Guard | None:
    """The application of `pdp.admin` behind its guard, None where there is none; `mapping` gives the active one.

    Raises:
        ConfigurationError: nobody could do anything, a role's member is of no issuer here, or as for any authenticator.

    """
    admin, log = settings.pdp.admin, structlog.get_logger("toolgate.admin")
    if admin is None:
        return None
    members = {role: getattr(admin.roles, role.value) for role in Role}
    problems = list(_problems(settings, members))
    if problems:
        raise ConfigurationError(problems)
    authority = Authority(members)
    routes = [
        state_routes(interior, authority=authority),
        bundle_routes(interior),
        revocation_routes(store, interior.held, decider=interior.decider, clock=clock),
    ]
    return Guard(
        admin_app(routes, authority=authority),
        Entrance(
            listen_address(admin.listen, setting="pdp.admin.listen"), admin.resource, frozenset(admin.allowed_origins)
        ),
        authority=authority,
        authenticator=build_authenticator(for_audience(settings, audience=admin.resource), base=base, log=log),
        identify=lambda verified: principal_of(verified, mapping=mapping()),
        clock=clock,
        log=log,
    )


def _problems(settings: Settings, members: dict[Role, list[str]]) -> Iterator[Problem]:
    if not any(members.values()):
        yield _problem("no role has a member, so nobody could do anything: name some, or leave `pdp.admin` out")
    aliases = {issuer.alias for issuer in settings.identity.issuers}
    if settings.identity.unsafe_dev_issuer is not None:
        aliases.add(settings.identity.unsafe_dev_issuer.alias)
    for role, names in members.items():
        for name in names:
            if name.partition(":")[2].partition("|")[0] not in aliases:
                yield _problem(f"`{role}`: no issuer has the alias of `{name}`")


def _problem(message: str) -> Problem:
    return Problem("pdp.admin.roles", 0, 0, "role_invalid", message)
