"""The AuthZEN endpoints (Authorization API 1.0, sections 6, 8.5 and 10.1)."""

from typing import Any, Final, TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.authzen import (
    AnswerContext,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ToolgateAnswer,
)
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import MessageError, RecordError, Refused
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect
from pdp.server.access import Anonymous, Caller
from pdp.server.decider import Decider, active_name
from pdp.server.enforcers import KnownEnforcer
from pdp.server.exchange import Answer, RefusedExchange, Request, json_answer
from pdp.server.fence import Fence
from pdp.server.journal import Journal
from pdp.server.metrics import Metrics

ENFORCER: Final = "enforcer"

_STATUS: Final = {ReasonCode.REQUEST_INVALID: 400, ReasonCode.BUNDLE_STALE: 409}

Asked = TypeVar("Asked", EvaluationRequest, ResourceSearchRequest)


class Decisions:
    """Answers evaluations and searches."""

    def __init__(
        self,
        decider: Decider,
        journal: Journal,
        *,
        fence: Fence,
        metrics: Metrics,
        limits: JsonLimits,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._decider = decider
        self._journal = journal
        self._fence = fence
        self._metrics = metrics
        self._limits = limits
        self._clock = clock
        self._log = log

    async def evaluate(self, http: Request, caller: Caller) -> Answer:
        """`POST /access/v1/evaluation`: one decision.

        Raises:
            RefusedExchange: the body is no evaluation request, or one about another enforcer's server.

        """
        # (1) read
        asked = _with_enforcer(read_request(http.body, EvaluationRequest, limits=self._limits), caller)
        self._fence.check_resource(caller, asked.resource.id)
        # (2) decide
        try:
            response = self._decider.evaluate(asked)
        except Refused as refusal:
            self._log.info("decision_refused", code=refusal.code, detail=refusal.detail)
            response = self._denial(refusal.code)
        except Exception:
            await self._record(http, asked, self._denial(ReasonCode.INTERNAL_ERROR), caller)
            raise
        # (3) record, where the caller does not do so itself
        response = await self._record(http, asked, response, caller)
        # (4) answer
        self._count(http, response.context.toolgate.reason_code)
        return json_answer(response if isinstance(caller, KnownEnforcer) else _without_detail(response))

    async def search(self, http: Request, caller: Caller) -> Answer:
        """`POST /access/v1/search/resource`: what the subject may see.

        Raises:
            RefusedExchange: the body is no search request, or the search is refused.

        """
        asked = _with_enforcer(read_request(http.body, ResourceSearchRequest, limits=self._limits), caller)
        try:
            response = self._fence.within(caller, self._decider.search(asked))
            if isinstance(caller, Anonymous):
                await self._journal.search(http, asked, response)
        except RecordError as error:
            raise self._unrecorded(error) from error
        except Refused as refusal:
            await self._record_refusal(http, asked, refusal.code, caller)
            raise RefusedExchange(_STATUS.get(refusal.code, 503), refusal.caller_text) from refusal
        except Exception:
            await self._record_refusal(http, asked, ReasonCode.INTERNAL_ERROR, caller)
            raise
        self._count(http, ReasonCode.ALLOWED)
        return json_answer(response)

    async def _record(
        self, http: Request, asked: EvaluationRequest, response: EvaluationResponse, caller: Caller
    ) -> EvaluationResponse:
        """The response that may be given: what cannot be recorded is a denial."""
        if isinstance(caller, KnownEnforcer):
            return response
        try:
            await self._journal.evaluation(http, asked, response)
        except RecordError as error:
            self._log.error("decision_not_recorded", cause=error.detail)
            return self._denial(ReasonCode.LOG_UNAVAILABLE)
        return response

    async def _record_refusal(
        self, http: Request, asked: ResourceSearchRequest, code: ReasonCode, caller: Caller
    ) -> None:
        self._count(http, code)
        if isinstance(caller, Anonymous):
            try:
                await self._journal.refusal(http, asked, code)
            except RecordError as error:
                raise self._unrecorded(error) from error

    def _unrecorded(self, error: RecordError) -> RefusedExchange:
        self._log.error("decision_not_recorded", cause=error.detail)
        return RefusedExchange(503, error.caller_text)

    def _denial(self, code: ReasonCode) -> EvaluationResponse:
        active = active_name(self._decider)
        answer = ToolgateAnswer(self._clock.identifier(), code, active.generation, active.bundle)
        return EvaluationResponse(decision=False, context=AnswerContext(answer))

    def _count(self, http: Request, code: ReasonCode) -> None:
        effect = Effect.ALLOW if code is ReasonCode.ALLOWED else Effect.DENY
        self._metrics.decided(effect, code, seconds=self._clock.steady() - http.started)


def _without_detail(response: EvaluationResponse) -> EvaluationResponse:
    answer = msgspec.structs.replace(response.context.toolgate, detail=None)
    return EvaluationResponse(response.decision, AnswerContext(answer))


def read_request(body: bytes, kind: type[Asked], *, limits: JsonLimits) -> Asked:
    """The request in `body`; members of the envelope that are not known are ignored (section 10.1.1).

    Raises:
        RefusedExchange: it is not exact JSON, or lacks or mistypes a member.

    """
    try:
        return msgspec.convert(parse(body, limits=limits), kind, strict=True)
    except MessageError as error:
        raise RefusedExchange(400, error.caller_text) from error
    except msgspec.ValidationError as error:
        raise RefusedExchange(400, str(error)) from error


def _with_enforcer(asked: Asked, caller: Caller) -> Asked:
    """INVARIANT: `context.enforcer` is the credential's, whatever the body says."""
    context: dict[str, Any] = {name: value for name, value in asked.context.items() if name != ENFORCER}
    if isinstance(caller, KnownEnforcer):
        context[ENFORCER] = caller.name
    return msgspec.structs.replace(asked, context=context)
