"""The application in this process, over a decider that does as it is told and a log in memory."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from pdp.audit.ingest import LogWriter
from pdp.core.contract.authzen import (
    AnswerContext,
    EvaluationRequest,
    EvaluationResponse,
    FoundResource,
    ResourceSearchRequest,
    ResourceSearchResponse,
    SearchAnswerContext,
    SearchContext,
    ToolgateAnswer,
)
from pdp.core.contract.clock import Clock
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import Revocation, RevocationKind, RevocationSet
from pdp.hosting.address import ListenAddress, TcpAddress
from pdp.revocation.held import HeldRevocations
from pdp.server.app import ServerBounds, build_app
from pdp.server.enforcer_keys import EnforcerKeys
from pdp.server.enforcers import Authenticator, Client, Enforcers, EveryServer, TheseServers
from pdp.server.webhooks import Webhook
from tests.unit.audit.sample import MemoryStore
from tests.unit.tokens.minting import Events

KEY = "k" * 43
OTHER_KEY = "o" * 43
LOOPBACK = TcpAddress("127.0.0.1", 8181)
NETWORK = TcpAddress("0.0.0.0", 8181)
GIT = frozenset({"git"})
BUNDLE = "sha256:" + "0" * 64

QUESTION: dict[str, Any] = {
    "subject": {"type": "user", "id": "corp|alice", "properties": {"groups": ["corp|eng"]}},
    "action": {"name": "tools/call"},
    "resource": {"type": "tool", "id": "git/git_log"},
    "context": {"arguments": {"repo": "/srv"}, "actor": "corp|agent", "session": "s1"},
}
SEARCH: dict[str, Any] = QUESTION | {"resource": {"type": "tool"}}


class TellingDecider:
    """Allows `alice` everything and denies the rest, or raises what it is told to; remembers what it was asked."""

    def __init__(self) -> None:
        self.generation = 7
        self.bundle = BUNDLE
        self.last_error: str | None = None
        self.reload_failures = 0
        self.raises: Exception | None = None
        self.asked: list[EvaluationRequest | ResourceSearchRequest] = []
        self.catalogs: Iterator[bytes] = iter([b'{"tools":[]}'] * 100)
        self.mappings: Iterator[bytes] = iter([b'{"issuers":{}}'] * 100)

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        self.asked.append(request)
        if self.raises is not None:
            raise self.raises
        allowed = request.subject.id == "corp|alice"
        answer = ToolgateAnswer(
            decision_id="decision-1",
            reason_code=ReasonCode.ALLOWED if allowed else ReasonCode.NO_POLICY_ALLOWS,
            generation=self.generation,
            bundle=self.bundle,
            policies=["engineers-read"] if allowed else [],
        )
        return EvaluationResponse(allowed, AnswerContext(answer))

    def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        self.asked.append(request)
        if self.raises is not None:
            raise self.raises
        context = SearchAnswerContext(SearchContext(self.generation, self.bundle))
        return ResourceSearchResponse([FoundResource("tool", "git/git_log")], context)

    def catalog_json(self) -> bytes:
        if self.raises is not None:
            raise self.raises
        return next(self.catalogs)

    def mapping_json(self) -> bytes:
        if self.raises is not None:
            raise self.raises
        return next(self.mappings)


class MemoryRevocations:
    """A source of revocations that says what it is told to, or fails."""

    def __init__(self) -> None:
        self.known = RevocationSet()
        self.raises: Exception | None = None

    def revoke(self, kind: RevocationKind, identifier: str, *, until: str | None = None) -> None:
        sequence = self.known.sequence + 1
        made = Revocation(sequence, kind, identifier, "lost", "corp|olga", "2026-07-28T09:00:00.000Z", until)
        self.known = RevocationSet(sequence, (*self.known.revocations, made))

    def sequence(self) -> int:
        if self.raises is not None:
            raise self.raises
        return self.known.sequence

    def read(self) -> RevocationSet:
        return self.known


@dataclass
class Host:
    """A running application and what is behind it."""

    client: httpx.AsyncClient
    decider: TellingDecider
    store: MemoryStore
    writer: LogWriter
    revocations: MemoryRevocations
    held: HeldRevocations
    events: Events = field(default_factory=Events)

    def revoke(self, kind: RevocationKind, identifier: str, *, until: str | None = None) -> None:
        self.revocations.revoke(kind, identifier, until=until)
        self.held.refresh()

    async def ask(self, body: Any = None, **named: Any) -> httpx.Response:
        return await self.client.post("/access/v1/evaluation", json=QUESTION if body is None else body, **named)


def ticking_clock() -> Clock:
    """Wall time stands still at 2026-07-28T09:00:00Z; each look at the steady clock is one millisecond later."""
    steps = iter(range(1, 1_000_000))
    return Clock(lambda: 1_785_229_200.0, lambda: next(steps) / 1000, bytes)


@asynccontextmanager
async def hosting(
    listen: ListenAddress = LOOPBACK,
    *,
    bounds: ServerBounds | None = None,
    clock: Callable[[], Clock] = ticking_clock,
    decider: TellingDecider | None = None,
    authenticator: Authenticator | None = None,
    webhook: Webhook | None = None,
) -> AsyncIterator[Host]:
    decider, store, events = decider or TellingDecider(), MemoryStore(), Events()
    writer = LogWriter(store, log=events.log())
    ticking, revocations = clock(), MemoryRevocations()
    enforcers = Enforcers(
        {"gateway": EveryServer(), "other": TheseServers(frozenset({"files"})), "client": TheseServers(GIT)},
        keys=EnforcerKeys({"gateway": KEY.encode(), "other": OTHER_KEY.encode()}),
        clients={"client": Client("corp", "enforcer-1", "enforcer-1")},
        authenticator=authenticator,
        clock=ticking,
    )
    held = HeldRevocations(revocations, max_age=10.0, steady=ticking.steady, log=events.log())
    app = build_app(
        decider,
        writer,
        held=held,
        enforcers=enforcers,
        listen=listen,
        clock=ticking,
        log=events.log(),
        bounds=bounds,
        webhook=webhook,
    )
    writer.start()
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000), raise_app_exceptions=True)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8181") as client:
            yield Host(client, decider, store, writer, revocations, held, events)
    finally:
        await writer.aclose()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
