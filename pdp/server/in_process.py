"""A decision point without a server: asked in this process by one enforcer."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from structlog.typing import FilteringBoundLogger

from pdp.audit.ingest import LogWriter
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    CatalogHead,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.errors import DecisionError, Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionOrigin, Record
from pdp.core.contract.sealed import seal
from pdp.core.identity.mapping import IdentityMapping
from pdp.lifecycle.activate import ActiveBundle
from pdp.server.background import Background
from pdp.server.decider import Decider


class InProcessDecisionPoint:
    """Decides with the engine, keeps records in the log's store, and keeps `background` going meanwhile."""

    def __init__(
        self,
        active: ActiveBundle,
        decider: Decider,
        writer: LogWriter,
        *,
        enforcer: str,
        background: Sequence[Callable[[], Awaitable[None]]],
        log: FilteringBoundLogger,
        on_close: Callable[[], None],
    ) -> None:
        self._active = active
        self._decider = decider
        self._writer = writer
        self._enforcer = enforcer
        self._background = Background(background, log=log)
        self._background.start()
        self._on_close = on_close

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        """The decision on `request`, asked in the enforcer's name."""
        context = {**request.context, "enforcer": self._enforcer}
        return self._decider.evaluate(msgspec.structs.replace(request, context=context)), DecisionOrigin.EMBEDDED

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The tools of which the subject may see the definition.

        Raises:
            DecisionError: the request is not as it must be.

        """
        try:
            return self._decider.search(request)
        except Refused as refusal:
            raise DecisionError(refusal.code, refusal.detail) from refusal

    async def catalog_head(self, *, using: int | None) -> CatalogHead:  # noqa: ARG002 - nobody else asks what is used
        """The digests of the active bundle, for its catalog, and of its claims mapping."""
        bundle = self._active.bundle
        return CatalogHead(bundle.manifest.digest, bundle.manifest.serial, bundle.mapping.digest)

    async def catalog(self, name: str) -> Catalog:
        """The catalog of the active bundle, which must have that digest.

        Raises:
            DecisionError: another bundle is active by now.

        """
        bundle = self._active.bundle
        if bundle.manifest.digest != name:
            raise DecisionError(ReasonCode.BUNDLE_STALE, "another bundle was activated meanwhile")
        return bundle.catalog

    async def mapping(self, name: str) -> IdentityMapping:
        """The claims mapping of the active bundle, which must have that digest.

        Raises:
            DecisionError: another mapping is active by now.

        """
        mapping = self._active.bundle.mapping
        if mapping.digest != name:
            raise DecisionError(ReasonCode.BUNDLE_STALE, "another claims mapping was activated meanwhile")
        return mapping

    async def commit(self, record: Record) -> None:
        """Return once `record` is committed.

        Raises:
            RecordError: it is not.

        """
        await self._writer.commit(seal(record))

    async def commit_all(self, records: Sequence[Record]) -> None:
        """Return once all of `records` are committed.

        Raises:
            RecordError: at least one of them is not.

        """
        await self._writer.commit_all([seal(record) for record in records])

    async def aclose(self) -> None:
        """Stop what goes on beside it and close the log."""
        await self._background.stop()
        await self._writer.aclose()
        self._on_close()
