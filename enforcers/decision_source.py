"""The port to decisions: remote, embedded and cached sources are one to the chain."""

from typing import Protocol

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.record import DecisionOrigin, Record


class DecisionSource(Protocol):
    """Answers evaluation requests."""

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        """The decision on `request` and where it came from.

        Raises:
            DecisionError: none could be had.

        """
        ...

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The resources of which at least one call might be allowed.

        Raises:
            DecisionError: no answer could be had.

        """
        ...


class RecordSink(Protocol):
    """Takes records for good."""

    async def commit(self, record: Record) -> None:
        """Return once `record` is committed.

        Raises:
            RecordError: it is not.

        """
        ...


class DecisionPoint(DecisionSource, RecordSink, Protocol):
    """All that an enforcer needs of a decision point, near or far."""

    async def catalog(self) -> Catalog:
        """The catalog of the active bundle.

        Raises:
            DecisionError: it could not be had.

        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...
