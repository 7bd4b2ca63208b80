"""A decision point in memory: decides by a function, keeps records in a list, fails on demand."""

from collections.abc import Callable, Iterable, Sequence

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import (
    OFFERED,
    TOOL_TYPE,
    AnswerContext,
    CacheHint,
    CatalogHead,
    EvaluationRequest,
    EvaluationResponse,
    FoundResource,
    ResourceSearchRequest,
    ResourceSearchResponse,
    SearchAnswerContext,
    SearchContext,
    ToolgateAnswer,
)
from pdp.core.contract.errors import DecisionError, RecordError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionOrigin, DecisionRecord, DriftRecord, OutcomeRecord, Record, Recording
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapping import IdentityMapping


def answer(
    code: ReasonCode,
    *,
    bundle: str = "sha256:0",
    generation: int = 1,
    message: str | None = None,
    policies: Iterable[str] = (),
    obligations: Iterable[str] = (),
    max_age: int = 0,
    record: Recording = Recording.KEEP,
) -> EvaluationResponse:
    """An answer with `code`; `max_age` in milliseconds."""
    toolgate = ToolgateAnswer(
        decision_id="decision",
        reason_code=code,
        generation=generation,
        bundle=bundle,
        message=message,
        policies=list(policies),
        obligations=list(obligations),
        cache=CacheHint(max_age=max_age),
        record=record,
    )
    return EvaluationResponse(code is ReasonCode.ALLOWED, AnswerContext(toolgate))


def allow(_request: EvaluationRequest) -> EvaluationResponse:
    """Allow whatever is asked."""
    return answer(ReasonCode.ALLOWED)


class InMemoryDecisionPoint:
    """Fills the port `DecisionPoint`; set `unreachable` or `records_lost` to a cause to make it fail.

    `maps_by` is the claims mapping that is active, `confirmed` what it was told to be in use.
    """

    def __init__(self, catalog: Catalog, *, decide: Callable[[EvaluationRequest], EvaluationResponse] = allow) -> None:
        self.active = catalog
        self.maps_by = BUILT_IN
        self.decides = decide
        self.asked: list[EvaluationRequest] = []
        self.records: list[Record] = []
        self.confirmed: list[int | None] = []
        self.hidden: set[str] = set()
        self.unreachable: str | None = None
        self.records_lost: str | None = None

    @property
    def decisions(self) -> list[DecisionRecord]:
        """The decision records, in the order of their commit."""
        return [record for record in self.records if isinstance(record, DecisionRecord)]

    @property
    def drifts(self) -> list[DriftRecord]:
        """The records of drift, in the order of their commit."""
        return [record for record in self.records if isinstance(record, DriftRecord)]

    @property
    def outcomes(self) -> list[OutcomeRecord]:
        """The outcome records, in the order of their commit."""
        return [record for record in self.records if isinstance(record, OutcomeRecord)]

    async def decide(self, request: EvaluationRequest) -> tuple[EvaluationResponse, DecisionOrigin]:
        """The decision of the function given.

        Raises:
            DecisionError: it is set to be unreachable.

        """
        self._reach()
        self.asked.append(request)
        return self.decides(request), DecisionOrigin.FRESH

    async def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """Every tool of the catalog, and what else the request says is offered, but the hidden ones.

        Raises:
            DecisionError: it is set to be unreachable.

        """
        self._reach()
        offered = {*(tool.id for tool in self.active.tools()), *request.resource.properties.get(OFFERED, ())}
        found = [FoundResource(TOOL_TYPE, tool_id) for tool_id in sorted(offered - self.hidden)]
        return ResourceSearchResponse(found, SearchAnswerContext(SearchContext(1, "sha256:0")))

    async def catalog_head(self, *, using: int | None) -> CatalogHead:
        """The digests of catalog and mapping.

        Raises:
            DecisionError: it is set to be unreachable.

        """
        self._reach()
        self.confirmed.append(using)
        return CatalogHead(self.active.digest, 1, self.maps_by.digest)

    async def mapping(self, name: str) -> IdentityMapping:
        """The claims mapping, whose digest must be `name`.

        Raises:
            DecisionError: it is not, or the decision point is set to be unreachable.

        """
        self._reach()
        if self.maps_by.digest != name:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, "no claims mapping has this digest")
        return self.maps_by

    async def catalog(self, name: str) -> Catalog:
        """The catalog given, whose digest must be `name`.

        Raises:
            DecisionError: it is not, or the decision point is set to be unreachable.

        """
        self._reach()
        if self.active.digest != name:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, "no catalog has this digest")
        return self.active

    async def commit(self, record: Record) -> None:
        """Keep `record`.

        Raises:
            RecordError: records are set to be lost.

        """
        if self.records_lost is not None:
            raise RecordError(self.records_lost)
        self.records.append(record)

    async def commit_all(self, records: Sequence[Record]) -> None:
        """Keep `records`.

        Raises:
            RecordError: records are set to be lost.

        """
        for record in records:
            await self.commit(record)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _reach(self) -> None:
        if self.unreachable is not None:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, self.unreachable)
