"""A policy test and an enforcer decide alike: every case of the example repository goes through the chain as well."""

import itertools
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from enforcers.account import ArgumentRecording
from enforcers.cache import CachedDecisions
from enforcers.caller import Caller, Identified, Transport
from enforcers.catalog_view import CatalogView
from enforcers.chain import Chain
from enforcers.definitions import Definitions
from enforcers.offer import Offer
from enforcers.principals import Principals
from enforcers.recorder import Recorder
from enforcers.verdict import Denied, Listed
from pdp.core.bundle.bundle import Bundle, build
from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import TokenError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect, Recording
from pdp.core.identity.claims import VerifiedClaims
from pdp.lifecycle.directory import DirectorySource
from pdp.policytest.cases import CallCase, Case, read_cases
from pdp.policytest.entry import Definition
from pdp.policytest.files import read_files
from pdp.policytest.run import Decided, Shown, run
from pdp.tokens.presented import Presented, bearer
from tests.record_schema import ValidatingDecisionPoint
from tests.shelf import Shelf

_ROOT = Path(__file__).resolve().parents[2]


NOBODYS = VerifiedClaims("dev", "https://idp", "nobody", 0.0, {})


class NoTokens:
    """Verifies nothing: the cases say who calls."""

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        raise TokenError(ReasonCode.TOKEN_INVALID, f"no tokens at {now} for the scheme {presented.scheme}")


class BundlePoint(ValidatingDecisionPoint):
    """Decides by a bundle, at the time it is set to, with what the enforcer's name is where it is known."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle.catalog, decide=self._evaluate)
        self.maps_by = bundle.mapping
        self.bundle = bundle
        self.now = 0.0
        self.known_as: str | None = None
        self.answers = itertools.count()

    def _evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        if self.known_as is not None:
            request = msgspec.structs.replace(request, context={**request.context, "enforcer": self.known_as})
        return self.bundle.evaluate(request, now=self.now, decision_id=f"decision-{next(self.answers)}")

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        return self.bundle.search(request, now=self.now)


class Servers(Shelf):
    """Offers every approved tool under its own id, as approved or changed, and answers every call."""

    def __init__(self, bundle: Bundle) -> None:
        self._approved = {
            tool.id: Offer(tool.server, tool.name, {"name": tool.name}, tool.pin) for tool in bundle.catalog.tools()
        }
        super().__init__(self._approved)

    def offer(self, tool: str, definition: Definition) -> None:
        """Offer all as approved, `tool` with `definition`."""
        known = self._approved.get(tool)
        self.offers = self._approved
        if known is not None and definition is Definition.CHANGED:
            self.offers = {**self._approved, tool: replace(known, pin="sha256:changed")}

    async def forward(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        return {"content": [], "_meta": {"asked": offer.id, "with": sorted(arguments)}}


class Enforcer:
    """A chain whose decision point is a bundle; `arguments` is what records have of those."""

    def __init__(self, bundle: Bundle, *, arguments: Recording = Recording.KEEP) -> None:
        count = itertools.count()
        self.steady = 0.0
        self._before: Case | None = None
        clock = Clock(lambda: 0.0, lambda: self.steady, lambda size: next(count).to_bytes(size, "big"))
        self._servers = servers = Servers(bundle)
        self.point = self._point = BundlePoint(bundle)
        log = structlog.get_logger()
        catalog = CatalogView(self._point, max_age=10, steady=clock.steady, log=log)
        recorder = Recorder(
            self._point, writer="gateway", clock=clock, arguments=ArgumentRecording(bytes(32), arguments)
        )
        self._chain = Chain(
            authenticator=NoTokens(),
            principals=Principals(catalog),
            definitions=Definitions(servers, catalog=catalog, recorder=recorder, log=log),
            decisions=CachedDecisions(self._point, entries=100, max_staleness=5, steady=clock.steady),
            recorder=recorder,
            forwarder=servers,
            clock=clock,
        )

    async def answer(self, case: Case) -> Decided | Shown:
        seen = case.asker.seen
        transport = Transport(seen["transport"] or Transport.STREAMABLE_HTTP)
        caller = Caller(bearer("token"), transport, session=seen["session"], client_ip=seen["ip"])
        who = Identified(caller, case.asker.principal, NOBODYS)
        self._point.now = case.now
        self.steady += 60 * (case is not self._before)  # nothing is cached for another case, which has another time
        self._before = case
        if not isinstance(case, CallCase):
            listed = await self._chain.list_tools(Request(1, "tools/list", {}), who=who)
            assert isinstance(listed, Listed)
            return Shown(tuple(name for name, _ in listed.tools))
        self._servers.offer(case.tool, case.definition)
        request = Request(1, "tools/call", {"name": case.tool, "arguments": dict(case.arguments)})
        answer = await self._chain.call(request, who=who)
        record = self._point.decisions[-1]
        policies, obligations, errors = (tuple(x) for x in (record.policies, record.obligations, record.errors))
        message = answer.text if isinstance(answer, Denied) else None
        assert isinstance(answer, Denied) is (record.effect is Effect.DENY)
        scopes = answer.scopes if isinstance(answer, Denied) else ()
        return Decided(record.effect, record.reason_code, policies, message, obligations, errors, scopes)


async def test_every_case_is_decided_by_the_chain_as_by_the_policy_test() -> None:
    sources = DirectorySource(policies=_ROOT / "policies", schemas=_ROOT / "schemas").fetch()
    bundle = build(sources, max_age=1.0)
    results = run(
        read_cases(read_files([_ROOT / "policy-tests"]), catalog=bundle.catalog, mapping=bundle.mapping), bundle=bundle
    ).results
    enforcer = Enforcer(bundle)
    assert len(results) > 100
    for result in results:
        if isinstance(result.case, CallCase) and result.case.definition is Definition.UNSEEN:
            continue  # a chain always looks
        assert await enforcer.answer(result.case) == result.got, result.case.asker.name
