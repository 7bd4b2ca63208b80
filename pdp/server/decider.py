"""What the server needs of the rest of the decision point."""

from typing import Protocol

from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)


class Decider(Protocol):
    """Decides under the active bundle."""

    @property
    def generation(self) -> int:
        """The serial of the active bundle, 0 while there is none."""
        ...

    @property
    def bundle(self) -> str:
        """The digest of the active bundle, empty while there is none."""
        ...

    @property
    def last_error(self) -> str | None:
        """Why the newest bundle was not activated, None when it was."""
        ...

    @property
    def reload_failures(self) -> int:
        """How often a bundle was not activated since the start."""
        ...

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """The decision on `request`.

        Raises:
            Refused: none can be made; that is a denial with its code.

        """
        ...

    def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The resources of which at least one call might be allowed.

        Raises:
            Refused: that cannot be said.

        """
        ...

    def catalog_json(self) -> bytes:
        """The catalog of the active bundle.

        Raises:
            Refused: there is no active bundle.

        """
        ...

    def mapping_json(self) -> bytes:
        """The claims mapping of the active bundle.

        Raises:
            Refused: there is no active bundle.

        """
        ...
