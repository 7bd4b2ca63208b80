"""Decisions under a canary: a decorator of a decider that has some of its answers compared, and changes none."""

from typing import Protocol

from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.clock import Clock
from pdp.server.decider import Decider
from pdp.server.trial import Trial


class InstantDecider(Decider, Protocol):
    """Decides at an instant that it is given."""

    def evaluate_at(self, request: EvaluationRequest, *, now: float) -> EvaluationResponse:
        """The decision on `request` at Unix time `now`.

        Raises:
            Refused: none can be made.

        """
        ...


class CanaryDecider:
    """Decides as `decider`, and offers what it decided to `trial`; what it refuses to decide is offered to nobody."""

    def __init__(self, decider: InstantDecider, trial: Trial, *, clock: Clock) -> None:
        self._decider = decider
        self._trial = trial
        self._clock = clock

    @property
    def generation(self) -> int:
        """The serial of the active bundle."""
        return self._decider.generation

    @property
    def bundle(self) -> str:
        """The digest of the active bundle."""
        return self._decider.bundle

    @property
    def last_error(self) -> str | None:
        """Why the newest bundle was not activated, None when it was."""
        return self._decider.last_error

    @property
    def reload_failures(self) -> int:
        """How often a bundle was not activated since the start."""
        return self._decider.reload_failures

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """The decision on `request`.

        Raises:
            Refused: none can be made.

        """
        now = self._clock.wall()
        response = self._decider.evaluate_at(request, now=now)
        self._trial.offer(request, response, now=now)
        return response

    def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The resources of which at least one call might be allowed.

        Raises:
            Refused: that cannot be said.

        """
        return self._decider.search(request)

    def catalog_json(self) -> bytes:
        """The catalog of the active bundle.

        Raises:
            Refused: there is no active bundle.

        """
        return self._decider.catalog_json()

    def mapping_json(self) -> bytes:
        """The claims mapping of the active bundle.

        Raises:
            Refused: there is no active bundle.

        """
        return self._decider.mapping_json()
