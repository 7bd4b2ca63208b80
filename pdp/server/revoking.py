"""Decisions under revocations: a decorator of a decider that asks it nothing for what is revoked."""

from contextlib import suppress

import msgspec

from pdp.core.contract.authzen import (
    AnswerContext,
    CacheHint,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
    SearchAnswerContext,
    SearchContext,
    ToolgateAnswer,
)
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import Refused
from pdp.core.contract.revocation import Revoked
from pdp.revocation.held import HeldRevocations
from pdp.server.decider import ActiveName, Decider, active_name
from pdp.server.passing import PassingDecider

_EVERYTHING = ("",)


class RevokingDecider(PassingDecider):
    """Decides as `decider`, but denies what is revoked; answers say which revocation they know of."""

    def __init__(self, decider: Decider, held: HeldRevocations, *, clock: Clock) -> None:
        super().__init__(decider)
        self._held = held
        self._clock = clock

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """The decision on `request`.

        Raises:
            Refused: none can be made.

        """
        try:
            revoked = self._held.current()
            revoked.check(request, now=self._clock.wall())
        except Refused as refusal:
            return self._denial(refusal)
        response = self._decider.evaluate(request)
        answer = response.context.toolgate
        answer = msgspec.structs.replace(answer, revocations=revoked.sequence, cache=_narrowed(answer.cache, revoked))
        return EvaluationResponse(response.decision, AnswerContext(answer))

    def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The resources of which at least one call might be allowed.

        Raises:
            Refused: that cannot be said.

        """
        revoked, now = self._held.current(), self._clock.wall()
        try:
            revoked.check(request, now=now)
        except Refused:
            return ResourceSearchResponse([], self._search_context(revoked, active_name(self._decider)))
        found = self._decider.search(request)
        shown = []
        for resource in found.results:
            with suppress(Refused):
                revoked.check_tool(resource.id, now=now)
                shown.append(resource)
        context = found.context.toolgate
        name = ActiveName(context.generation, context.bundle)
        return ResourceSearchResponse(shown, self._search_context(revoked, name))

    def _denial(self, refusal: Refused) -> EvaluationResponse:
        """Never to be used again: what was revoked may be lifted at any time."""
        active = active_name(self._decider)
        answer = ToolgateAnswer(
            decision_id=self._clock.identifier(),
            reason_code=refusal.code,
            generation=active.generation,
            bundle=active.bundle,
            detail=refusal.detail,
            revocations=self._held.sequence,
        )
        return EvaluationResponse(decision=False, context=AnswerContext(answer))

    def _search_context(self, revoked: Revoked, name: ActiveName) -> SearchAnswerContext:
        return SearchAnswerContext(SearchContext(name.generation, name.bundle, revoked.sequence))


def _narrowed(cache: CacheHint, revoked: Revoked) -> CacheHint:
    """INVARIANT: an answer for one session is none for another while any session is revoked."""
    if not revoked.reads or cache.vary is None or set(cache.vary) >= set(_EVERYTHING):
        return cache
    return msgspec.structs.replace(cache, vary=sorted({*cache.vary, *revoked.reads}))
