"""Cached decisions: a decorator of a decision source that answers an equal request again.

Thin for now: the key is the whole request, and any change of generation or bundle clears everything.
"""

from collections.abc import Callable

import cachetools
import msgspec

from enforcers.decision_source import DecisionSource
from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record_terms import DecisionOrigin


class CachedDecisions:
    """Answers from memory while an answer's `max_age` and `max_staleness` (seconds) both last."""

    def __init__(
        self, source: DecisionSource, *, entries: int, max_staleness: float, steady: Callable[[], float]
    ) -> None:
        self._source = source
        self._max_staleness = max_staleness
        self._steady = steady
        self._newest: tuple[int, str] | None = None
        self._answers: cachetools.LRUCache[bytes, tuple[float, EvaluationResponse]] = cachetools.LRUCache(entries)

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        """As the source decides it, or did so recently enough."""
        key = canonical(msgspec.to_builtins(request))
        sent = self._steady()
        held = self._answers.get(key)
        if held is not None and sent < held[0]:
            return held[1], DecisionOrigin.CACHED
        response, origin = await self._source.decide(request)
        self._keep(key, response, sent)
        return response, origin

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """As the source answers it; never cached."""
        response = await self._source.search(request)
        context = response.context.toolgate
        self._see(context.generation, context.bundle)
        return response

    def _keep(self, key: bytes, response: EvaluationResponse, sent: float) -> None:
        """INVARIANT: an age counts from when the request was sent, so a slow answer is old on arrival."""
        answer = response.context.toolgate
        self._see(answer.generation, answer.bundle)
        lasts = min(answer.cache.max_age / 1000, self._max_staleness)
        if lasts > 0:
            self._answers[key] = (sent + lasts, response)

    def _see(self, generation: int, bundle: str) -> None:
        if (generation, bundle) != self._newest:
            self._answers.clear()
            self._newest = generation, bundle
