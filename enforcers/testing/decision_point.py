"""A decision point in memory: decides by a function, keeps records in a list, fails on demand."""

from collections.abc import Callable, Iterable, Sequence

from enforcers.testing.records import InMemorySpool
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
from pdp.core.contract.record_terms import DecisionOrigin, Recording
from pdp.core.contract.run_head import RunHead
from pdp.core.contract.sealed import unseal
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


class InMemoryDecisionPoint(InMemorySpool):
    """Fills the port `DecisionPoint`; set `unreachable` or `records_lost` to a cause to make it fail.

    `maps_by` is the claims mapping that is active, `confirmed` what it was told to be in use, `told` how far the
    runs of records are.
    """

    def __init__(self, catalog: Catalog, *, decide: Callable[[EvaluationRequest], EvaluationResponse] = allow) -> None:
        super().__init__()
        self.active = catalog
        self.maps_by = BUILT_IN
        self.decides = decide
        self.asked: list[EvaluationRequest] = []
        self.confirmed: list[int | None] = []
        self.hidden: set[str] = set()
        self.unreachable: str | None = None
        self.told: list[RunHead] = []

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

    async def catalog_head(self, *, using: int | None, records: Sequence[RunHead] = ()) -> CatalogHead:
        """The digests of catalog and mapping.

        Raises:
            DecisionError: it is set to be unreachable.

        """
        self._reach()
        self.confirmed.append(using)
        self.told = list(records)
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

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        """Keep the records of `contents`.

        Raises:
            RecordError: records are set to be lost.

        """
        if self.records_lost is not None:
            raise RecordError(self.records_lost)
        self.told = list(heads)
        self.records += [unseal(content).record for content in contents]

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _reach(self) -> None:
        if self.unreachable is not None:
            raise DecisionError(ReasonCode.PDP_UNREACHABLE, self.unreachable)
