"""Decisions under a canary: a decorator of a decider that has some of its answers compared, and changes none."""

from typing import Protocol

from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
)
from pdp.core.contract.clock import Clock
from pdp.server.decider import Decider
from pdp.server.passing import PassingDecider
from pdp.server.trial import Trial


class InstantDecider(Decider, Protocol):
    """Decides at an instant that it is given."""

    def evaluate_at(self, request: EvaluationRequest, *, now: float) -> EvaluationResponse:
        """The decision on `request` at Unix time `now`.

        Raises:
            Refused: none can be made.

        """
        ...


class CanaryDecider(PassingDecider):
    """Decides as `decider`, and offers what it decided to `trial`; what it refuses to decide is offered to nobody."""

    def __init__(self, decider: InstantDecider, trial: Trial, *, clock: Clock) -> None:
        super().__init__(decider)
        self._instant = decider
        self._trial = trial
        self._clock = clock

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """The decision on `request`.

        Raises:
            Refused: none can be made.

        """
        now = self._clock.wall()
        response = self._instant.evaluate_at(request, now=now)
        self._trial.offer(request, response, now=now)
        return response
