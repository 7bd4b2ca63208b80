"""The decision point's records of what it decided for callers that keep none."""

from typing import Any, Final

from pdp.core.contract.authzen import (
    TOOL_TYPE,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.checked_call import trace_id
from pdp.core.contract.clock import Clock
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionOrigin, DecisionRecord, Effect
from pdp.server.exchange import Request
from pdp.server.own_records import OwnRecords

TRANSPORT: Final = "authzen"

_NOT_KEPT: Final = (
    "arguments of callers without a credential are not kept: which of them are secret is the enforcer's part"
)


class Journal:
    """Makes and commits the records of decisions."""

    def __init__(self, records: OwnRecords, *, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def evaluation(self, http: Request, asked: EvaluationRequest, response: EvaluationResponse) -> None:
        """Commit the decision `response`.

        Raises:
            RecordError: it is not committed.

        """
        answer = response.context.toolgate
        server, slash, tool = asked.resource.id.partition("/")
        is_tool = asked.resource.type == TOOL_TYPE and slash
        await self._commit(
            http,
            asked,
            effect=Effect.ALLOW if response.decision else Effect.DENY,
            reason_code=answer.reason_code,
            server=server if is_tool else None,
            tool=tool if is_tool else None,
            decision_id=answer.decision_id,
            policies=answer.policies,
            errors=answer.errors,
            obligations=answer.obligations,
            generation=answer.generation,
            bundle=answer.bundle,
            schema_digest=answer.schema_digest,
            detail=answer.detail or (_NOT_KEPT if "arguments" in asked.context else None),
        )

    async def search(self, http: Request, asked: ResourceSearchRequest, response: ResourceSearchResponse) -> None:
        """Commit what a search showed.

        Raises:
            RecordError: it is not committed.

        """
        bundle = response.context.toolgate
        await self._commit(
            http,
            asked,
            effect=Effect.ALLOW,
            reason_code=ReasonCode.ALLOWED,
            shown=[found.id for found in response.results],
            generation=bundle.generation,
            bundle=bundle.bundle,
        )

    async def refusal(self, http: Request, asked: ResourceSearchRequest, code: ReasonCode) -> None:
        """Commit that a search was refused.

        Raises:
            RecordError: it is not committed.

        """
        await self._commit(http, asked, effect=Effect.DENY, reason_code=code)

    async def _commit(self, http: Request, asked: EvaluationRequest | ResourceSearchRequest, **decided: Any) -> None:
        groups = asked.subject.properties.get("groups")
        record = self._records.numbered(
            DecisionRecord,
            origin=DecisionOrigin.FRESH,
            transport=TRANSPORT,
            latency_us=max(0, int((self._clock.steady() - http.started) * 1_000_000)),
            method=asked.action.name,
            principal_type=asked.subject.type,
            principal=asked.subject.id,
            groups=[group for group in groups if isinstance(group, str)] if isinstance(groups, list) else [],
            actor=_text(asked.context, "actor"),
            session=_text(asked.context, "session"),
            request_id=http.header(b"x-request-id"),
            trace_id=trace_id({"traceparent": http.header(b"traceparent")}),
            client_ip=http.client_ip,
            **decided,
        )
        await self._records.commit([record])


def _text(context: dict[str, Any], name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) else None
