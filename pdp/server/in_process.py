"""A decision point without a server: asked in this process by one enforcer."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from structlog.typing import FilteringBoundLogger

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
from pdp.core.contract.record_terms import DecisionOrigin
from pdp.core.contract.run_head import RunHead
from pdp.core.identity.mapping import IdentityMapping
from pdp.lifecycle.activate import ActiveBundle
from pdp.server.announcements import Announcements
from pdp.server.background import Background
from pdp.server.decider import Decider
from pdp.server.log_sink import LogSink
from pdp.server.own_records import OwnRecords


class InProcessDecisionPoint:
    """Decides with the engine, keeps records in the log's store, and keeps `background` going meanwhile."""

    def __init__(
        self,
        active: ActiveBundle,
        decider: Decider,
        own: OwnRecords,
        announcements: Announcements,
        *,
        enforcer: str,
        background: Sequence[Callable[[], Awaitable[None]]],
        log: FilteringBoundLogger,
        on_close: Callable[[], None],
    ) -> None:
        self._active = active
        self._decider = decider
        self._own = own
        self._announcements = announcements
        self._sink = LogSink(own.writer, announcements, name=enforcer)
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

    async def catalog_head(
        self,
        *,
        using: int | None,  # noqa: ARG002 - nobody else asks what is used
        records: Sequence[RunHead] = (),
    ) -> CatalogHead:
        """The digests of the active bundle, for its catalog, and of its claims mapping."""
        self._announcements.take(self._enforcer, records)
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

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        """Return once the log has committed all of `contents`.

        Raises:
            RecordsRefusedError: one of them is no record, or cannot be stored.
            RecordError: they are not all committed.

        """
        await self._sink.deliver(contents, heads=heads)

    async def aclose(self) -> None:
        """Stop what goes on beside it and close the log."""
        await self._background.stop()
        await self._own.spool.aclose()
        await self._own.writer.aclose()
        self._on_close()
