"""A decider that passes everything on: what decorators of the port begin with."""

from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.server.decider import Decider


class PassingDecider:
    """Decides as `decider`."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider

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
        return self._decider.evaluate(request)

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
