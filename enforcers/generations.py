"""Generations: a decorator of a decision source that never goes back, and believes one bundle for each.

Several decision points answer an enforcer, and they do not learn of a new bundle at one time.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from enforcers.decision_source import DecisionSource
from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DecisionOrigin

T = TypeVar("T")


class Generations:
    """Passes on what `source` answers under the newest generation that it ever answered under."""

    def __init__(self, source: DecisionSource, *, log: FilteringBoundLogger) -> None:
        self._source = source
        self._log = log
        self._newest: tuple[int, str] | None = None

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        """The source's decision.

        Raises:
            DecisionError: `bundle_stale`, it is twice of an older generation; `bundle_untrusted`, it is of another
                bundle than others were of that generation.

        """
        return await self._newest_of(lambda: self._source.decide(request), lambda answer: _decided(answer[0]))

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The source's answer.

        Raises:
            DecisionError: as `decide`.

        """
        return await self._newest_of(lambda: self._source.search(request), _searched)

    async def _newest_of(self, ask: Callable[[], Awaitable[T]], name: Callable[[T], tuple[int, str]]) -> T:
        answer = await ask()
        if self._is_older(*name(answer)):
            answer = await ask()
        generation, bundle = name(answer)
        if self._is_older(generation, bundle):
            self._log.warning("answer_of_older_generation", generation=generation)
            raise DecisionError(ReasonCode.BUNDLE_STALE, f"the answer is of generation {generation}, newer are known")
        return answer

    def _is_older(self, generation: int, bundle: str) -> bool:
        """Whether the answer is older than what is known, which it may add to."""
        newest, known = (generation, bundle) if self._newest is None else self._newest
        if generation < newest:
            return True
        if generation == newest and bundle != known:
            self._log.error("generation_with_two_bundles", generation=generation, bundle=bundle, known=known)
            text = f"generation {generation} has two bundles: {bundle} and {known}"
            raise DecisionError(ReasonCode.BUNDLE_UNTRUSTED, text)
        self._newest = generation, bundle
        return False


def _decided(response: EvaluationResponse) -> tuple[int, str]:
    return response.context.toolgate.generation, response.context.toolgate.bundle


def _searched(response: ResourceSearchResponse) -> tuple[int, str]:
    return response.context.toolgate.generation, response.context.toolgate.bundle
