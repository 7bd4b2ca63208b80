"""Deciding under whatever bundle is active when the request comes."""

from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.clock import Clock
from pdp.lifecycle.activate import ActiveBundle


class ActiveDecider:
    """Decides by the active bundle; one request sees one bundle."""

    def __init__(self, active: ActiveBundle, *, clock: Clock) -> None:
        self._active = active
        self._clock = clock

    @property
    def generation(self) -> int:
        """The serial of the active bundle."""
        return self._active.bundle.manifest.serial

    @property
    def bundle(self) -> str:
        """The digest of the active bundle."""
        return self._active.bundle.manifest.digest

    @property
    def last_error(self) -> str | None:
        """Why the newest sources were not activated, None when they were."""
        return self._active.standing.error

    @property
    def reload_failures(self) -> int:
        """How often sources were not activated since the start."""
        return self._active.failures

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """The decision on `request`, now.

        Raises:
            BundleError: `bundle_stale`.

        """
        return self.evaluate_at(request, now=self._clock.wall())

    def evaluate_at(self, request: EvaluationRequest, *, now: float) -> EvaluationResponse:
        """The decision on `request` at Unix time `now`.

        Raises:
            BundleError: `bundle_stale`.

        """
        return self._active.usable().evaluate(request, now=now, decision_id=self._clock.identifier())

    def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The tools of which the subject may see the definition.

        Raises:
            Refused: `request_invalid`; `bundle_stale`.

        """
        return self._active.usable().search(request, now=self._clock.wall())

    def catalog_json(self) -> bytes:
        """The catalog of the active bundle, on the wire."""
        return self._active.bundle.catalog.to_json()

    def mapping_json(self) -> bytes:
        """The claims mapping of the active bundle, on the wire."""
        return self._active.bundle.mapping.to_json()
