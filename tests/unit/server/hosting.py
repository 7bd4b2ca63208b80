"""The application in this process, over a decider that does as it is told and a log in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from pdp.audit.ingest import LogWriter
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import PAYLOAD_TYPE, Manifest
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
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import Revocation, RevocationKind, RevocationSet
from pdp.hosting.address import ListenAddress, TcpAddress
from pdp.lifecycle.archive import NotArchivedError
from pdp.lifecycle.standing import Standing, Trouble
from pdp.revocation.held import HeldRevocations
from pdp.server.announcements import Announcements
from pdp.server.app import PdpApp, ServerBounds, build_app
from pdp.server.arrears import Arrears
from pdp.server.confirmations import Confirmations
from pdp.server.enforcer_keys import EnforcerKeys
from pdp.server.enforcers import Authenticator, Client, Enforcers, EveryServer, TheseServers
from pdp.server.interior import Interior
from pdp.server.own_records import OwnRecords
from pdp.server.trial import Trial
from pdp.server.webhooks import Webhook
from tests.unit.audit.sample import MemoryStore
from tests.unit.server.direct_spool import DirectSpool
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
            decided_at="2026-07-28T08:59:59.990Z",
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


class TellingBundles:
    """Fills the port `Bundles`: says and does what it is told to."""

    source = "the test"

    def __init__(self) -> None:
        self.standing = Standing(confirmed=1.0)
        self.head = Head(sealed(PAYLOAD_TYPE, Manifest(7, BUNDLE, {}).to_json()))
        self.max_age: float | None = None
        self.failures_by: dict[Trouble, int] = {}
        self.aged = 0.0
        self.confirmed: float | None = 0.25
        self.contents: dict[str, bytes] = {}
        self.raises: Exception | None = None
        self.reads: list[str] = []
        self.on_refresh: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[], None]] = []

    def usable(self) -> None:
        if self.max_age is not None and self.aged > self.max_age:
            raise BundleError(ReasonCode.BUNDLE_STALE, "the bundle is too old")

    def age(self) -> float:
        return self.aged

    def confirmed_ago(self) -> float | None:
        return self.confirmed

    def archived(self, digest: str) -> bytes:
        self.reads.append(digest)
        if self.raises is not None:
            raise self.raises
        if digest not in self.contents:
            raise NotArchivedError(f"no bundle {digest} is kept")
        return self.contents[digest]

    def subscribe(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def refresh(self) -> None:
        self.on_refresh()
        for listener in self._listeners:
            listener()


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
    app: PdpApp
    decider: TellingDecider
    bundles: TellingBundles
    confirmations: Confirmations
    store: MemoryStore
    writer: LogWriter
    revocations: MemoryRevocations
    held: HeldRevocations
    spool: DirectSpool
    announcements: Announcements
    arrears: Arrears
    events: Events = field(default_factory=Events)

    def revoke(self, kind: RevocationKind, identifier: str, *, until: str | None = None) -> None:
        self.revocations.revoke(kind, identifier, until=until)
        self.held.refresh()

    def activate(self, generation: int) -> None:
        """Another bundle is active from now on."""
        self.decider.generation, self.decider.bundle = generation, f"sha256:{generation:064}"
        self.bundles.refresh()

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
    trial: Trial | None = None,
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
    bundles, confirmations = TellingBundles(), Confirmations(clock=ticking)
    spool, announcements = DirectSpool(writer), Announcements(writer, clock=ticking)
    arrears, own = Arrears(lambda: store.runs, log=events.log()), OwnRecords(writer, spool, clock=ticking)
    app = build_app(
        Interior(
            decider,
            bundles,
            own,
            held,
            confirmations,
            trial,
            announcements=announcements,
            arrears=arrears,
        ),
        enforcers=enforcers,
        listen=listen,
        clock=ticking,
        log=events.log(),
        bounds=bounds,
        webhook=webhook,
    )
    writer.start()
    announcing = asyncio.create_task(announcements.run())
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000), raise_app_exceptions=True)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8181") as client:
            yield Host(
                client,
                app,
                decider,
                bundles,
                confirmations,
                store,
                writer,
                revocations,
                held,
                spool,
                announcements,
                arrears,
                events,
            )
    finally:
        app.stop()
        announcing.cancel()
        await writer.aclose()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def interior(writer: LogWriter, *, held: HeldRevocations | None = None) -> Interior:
    """What is behind a listener, but for the log."""
    clock = ticking_clock()
    if held is None:
        held = HeldRevocations(MemoryRevocations(), max_age=10.0, steady=clock.steady, log=Events().log())
    own = OwnRecords(writer, DirectSpool(writer), clock=clock)
    return Interior(TellingDecider(), TellingBundles(), own, held, Confirmations(clock=clock))
