"""The administration in this process, over a real store of revocations and the real verification of tokens."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from pdp.audit.ingest import LogWriter
from pdp.core.contract.clock import Clock
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapped import principal_of
from pdp.core.settings.identity import IdentitySettings
from pdp.hosting.address import ListenAddress, TcpAddress
from pdp.revocation.held import HeldRevocations
from pdp.revocation.store import RevocationStore
from pdp.server.admin.app import admin_app
from pdp.server.admin.authority import Authority, Role
from pdp.server.admin.bundle import bundle_routes
from pdp.server.admin.guard import Entrance, Guard
from pdp.server.admin.revocations import revocation_routes
from pdp.server.admin.state import state_routes
from pdp.server.confirmations import Confirmations
from pdp.server.interior import Interior
from pdp.server.own_records import OwnRecords
from pdp.tokens.trust import build_authenticator
from tests.unit.audit.sample import MemoryStore
from tests.unit.server.direct_spool import DirectSpool
from tests.unit.server.hosting import TellingBundles, TellingDecider
from tests.unit.tokens.minting import EC_KEY, NOW, Events, claims, key_set, public_jwk, signed

LOOPBACK = TcpAddress("127.0.0.1", 8182)
RESOURCE = "https://pdp.example.com/admin"
ORIGIN = "https://console.example.com"
REVOCATIONS = "/admin/v1/revocations"
ROLES: Mapping[Role, Sequence[str]] = {
    Role.AUDITOR: ["group:corp|audit"],
    Role.OPERATOR: ["group:corp|ops", "user:corp|olga"],
    Role.PUBLISHER: ["role:corp|publisher", "agent:corp|ci"],
    Role.APPROVER: ["user:corp|paul", "agent:corp|ci"],
}


def token(**changes: Any) -> str:
    """A token of olga, the operator, but for what `changes` say."""
    return signed(claims(**({"aud": RESOURCE, "sub": "olga"} | changes)))


def as_(sub: str = "olga", **changes: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token(sub=sub, **changes)}"}


class Time:
    """The time of day, moved by hand."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Admin:
    """The application and what is behind it."""

    client: httpx.AsyncClient
    guard: Guard
    store: RevocationStore
    held: HeldRevocations
    decider: TellingDecider
    bundles: TellingBundles
    confirmations: Confirmations
    events: Events
    time: Time

    async def get(self, path: str, **named: Any) -> httpx.Response:
        return await self.client.get(path, headers=as_(**named))

    async def revoke(self, identifier: str = "corp|alice", kind: str = "principal", **named: Any) -> httpx.Response:
        body = {"kind": kind, "id": identifier, **named}
        return await self.client.post(REVOCATIONS, json=body, headers=as_())

    def told(self) -> list[tuple[Any, Any, Any]]:
        return [(one["principal"], one["action"], one["status"]) for one in self.events.named("admin_access")]


@asynccontextmanager
async def administering(
    base: Path, *, listen: ListenAddress = LOOPBACK, roles: Mapping[Role, Sequence[str]] = ROLES
) -> AsyncIterator[Admin]:
    (base / "keys.json").write_bytes(key_set(public_jwk(EC_KEY, kid="k1", alg="ES256")))
    issuer = {"alias": "corp", "issuer": "https://login.example.com/", "audience": RESOURCE, "jwks": "keys.json"}
    identity = IdentitySettings.model_validate({"issuers": [issuer]})
    events, decider, bundles, time = Events(), TellingDecider(), TellingBundles(), Time()
    log, clock = events.log(), Clock(time, lambda: 0.0, secrets.token_bytes)
    writer, store, authority = LogWriter(MemoryStore(), log=log), RevocationStore(base / "r.db"), Authority(roles)
    held = HeldRevocations(store, max_age=10.0, steady=clock.steady, log=log)
    inside = Interior(
        decider, bundles, OwnRecords(writer, DirectSpool(writer), clock=clock), held, Confirmations(clock=clock)
    )
    routes = [
        state_routes(inside, authority=authority),
        bundle_routes(inside),
        revocation_routes(store, held, decider=decider, clock=clock),
    ]
    guard = Guard(
        admin_app(routes, authority=authority),
        Entrance(listen, RESOURCE, frozenset({ORIGIN})),
        authority=authority,
        authenticator=build_authenticator(identity, base=base, log=log),
        identify=partial(principal_of, mapping=BUILT_IN),
        clock=clock,
        log=log,
    )
    transport = httpx.ASGITransport(guard, client=("127.0.0.1", 5000), raise_app_exceptions=True)
    writer.start()
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8182") as client:
            yield Admin(client, guard, store, held, decider, bundles, inside.confirmations, events, time)
    finally:
        await writer.aclose()
        store.close()
