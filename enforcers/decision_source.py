"""The port to decisions: remote, embedded and cached sources are one to the chain."""

from collections.abc import Sequence
from typing import Protocol

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    CatalogHead,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.record import Record
from pdp.core.contract.record_terms import DecisionOrigin
from pdp.core.contract.run_head import RunHead
from pdp.core.identity.mapping import IdentityMapping
from pdp.spool.sink import Sink


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


class RecordSpool(Protocol):
    """Takes records to be delivered."""

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all of `records` have their numbers and are kept: they will be delivered.

        Raises:
            RecordError: they are not.

        """
        ...


class CatalogSource(Protocol):
    """Where the catalog and the claims mapping come from."""

    async def catalog_head(self, *, using: int | None, records: Sequence[RunHead] = ()) -> CatalogHead:
        """What names the active catalog and mapping: others have other names.

        `using` tells it which generation's are in use here meanwhile, None before the first; `records` how far the
        runs of this enforcer's records are.

        Raises:
            DecisionError: it could not be had.

        """
        ...

    async def catalog(self, name: str) -> Catalog:
        """The catalog of that name.

        Raises:
            DecisionError: it could not be had, or is not what it was asked for.

        """
        ...

    async def mapping(self, name: str) -> IdentityMapping:
        """The claims mapping of that name.

        Raises:
            DecisionError: as `catalog`.

        """
        ...


class DecisionPoint(DecisionSource, Sink, CatalogSource, Protocol):
    """All that an enforcer needs of a decision point, near or far."""

    async def aclose(self) -> None:
        """Let go of connections and files."""
        ...
