"""The decision point's records of what it decided for callers that keep none."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pdp.core.contract.authzen import (
    DIGEST,
    TOOL_TYPE,
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.core.contract.checked_call import trace_id
from pdp.core.contract.clock import Clock
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import BY_BUNDLE, ReasonCode
from pdp.core.contract.record import AUTHZEN, DecisionRecord
from pdp.core.contract.record_bounds import decision_within_bounds
from pdp.core.contract.record_terms import DecisionOrigin, Effect, NotReplayable
from pdp.core.identity.attribute import TAKEN
from pdp.core.identity.replay import NotReplayableError, request_of
from pdp.server.exchange import Request
from pdp.server.own_records import OwnRecords

_NOT_KEPT: Final = (
    "arguments of callers without a credential are not kept: which of them are secret is the enforcer's part"
)
_REVOKED: Final = frozenset({ReasonCode.REVOKED, ReasonCode.REVOCATIONS_UNKNOWN})


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
        record = self._record(
            http,
            asked,
            effect=Effect.ALLOW if response.decision else Effect.DENY,
            reason_code=answer.reason_code,
            server=server if is_tool else None,
            tool=tool if is_tool else None,
            decision_id=answer.decision_id,
            decided_at=answer.decided_at,
            policies=answer.policies,
            errors=answer.errors,
            obligations=answer.obligations,
            generation=answer.generation,
            bundle=answer.bundle,
            schema_digest=answer.schema_digest,
            offered_digest=_text(asked.resource.properties, DIGEST),
            detail=answer.detail or (_NOT_KEPT if "arguments" in asked.context else None),
        )
        reason = _not_replayable(record, asked)
        await self._commit(msgspec.structs.replace(record, not_replayable=reason))

    async def search(self, http: Request, asked: ResourceSearchRequest, response: ResourceSearchResponse) -> None:
        """Commit what a search showed.

        Raises:
            RecordError: it is not committed.

        """
        bundle = response.context.toolgate
        record = self._record(
            http,
            asked,
            effect=Effect.ALLOW,
            reason_code=ReasonCode.ALLOWED,
            shown=[found.id for found in response.results],
            generation=bundle.generation,
            bundle=bundle.bundle,
            not_replayable=NotReplayable.LIST,
        )
        await self._commit(record)

    async def refusal(self, http: Request, asked: ResourceSearchRequest, code: ReasonCode) -> None:
        """Commit that a search was refused.

        Raises:
            RecordError: it is not committed.

        """
        record = self._record(
            http, asked, effect=Effect.DENY, reason_code=code, not_replayable=NotReplayable.NOT_DECIDED
        )
        await self._commit(record)

    def _record(
        self, http: Request, asked: EvaluationRequest | ResourceSearchRequest, **decided: Any
    ) -> DecisionRecord:
        return self._records.made(
            DecisionRecord,
            origin=DecisionOrigin.FRESH,
            transport=AUTHZEN,
            latency_us=max(0, int((self._clock.steady() - http.started) * 1_000_000)),
            method=asked.action.name,
            principal_type=asked.subject.type,
            principal=asked.subject.id,
            actor=_text(asked.context, "actor"),
            delegation=_chain(asked.context.get("delegation")),
            scopes=_texts(asked.context, "scopes"),
            session=_text(asked.context, "session"),
            request_id=http.header(b"x-request-id"),
            trace_id=trace_id({"traceparent": http.header(b"traceparent")}),
            client_ip=http.client_ip,
            **_who(asked.subject.properties),
            **decided,
        )

    async def _commit(self, record: DecisionRecord) -> None:
        await self._records.commit([decision_within_bounds(record)])


def _who(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller says of the subject; nobody vouches for it."""
    return {
        "groups": _texts(properties, "groups"),
        "roles": _texts(properties, "roles"),
        "tenant": _text(properties, "tenant"),
        "mapping": _text(properties, "mapping"),
        "attributes": {name: value for name, value in properties.items() if name not in TAKEN},
    }


def _not_replayable(record: DecisionRecord, asked: EvaluationRequest) -> NotReplayable | None:
    """INVARIANT: a record that says nothing gives back what was asked, whatever else a caller may have sent."""
    if record.reason_code in _REVOKED:
        return NotReplayable.REVOKED
    if record.reason_code not in BY_BUNDLE:
        return NotReplayable.NOT_DECIDED
    if asked.context.get("arguments"):
        return NotReplayable.CALLER_UNKNOWN  # they are not kept
    try:
        same = canonical(msgspec.to_builtins(request_of(record))) == canonical(_complete(asked))
    except NotReplayableError as error:
        return error.reason
    if not same:
        return NotReplayable.CALLER_UNKNOWN
    return NotReplayable.TIME_UNKNOWN if record.decided_at is None else None


def _complete(asked: EvaluationRequest) -> dict[str, Any]:
    """`asked` with what stands for what it does not say."""
    plain: dict[str, Any] = msgspec.to_builtins(asked)
    plain["subject"]["properties"] = {"groups": [], "roles": [], **asked.subject.properties}
    plain["context"] = {"arguments": {}, "scopes": [], **asked.context}
    return plain


def _text(context: Mapping[str, Any], name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) else None


def _texts(context: Mapping[str, Any], name: str) -> list[str]:
    value = context.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _chain(value: Any) -> list[str]:
    """The agents of a delegation as far as it says in which order they are: the nearest and the farthest."""
    if not isinstance(value, dict):
        return []
    ends = [value.get("first"), value.get("last")]
    chain = [end for end in ends if isinstance(end, str)]
    return chain[:1] if value.get("depth") == 1 else chain
