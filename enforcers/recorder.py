"""Records on their way out: numbered here, committed by the sink before anything goes on."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from enforcers.decision_source import RecordSink
from enforcers.drift import Change
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.authzen import EvaluationResponse
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest, digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionOrigin, DecisionRecord, DriftRecord, Effect, Fate, OutcomeRecord
from pdp.core.identity.principal import Principal


@dataclass(slots=True)
class Account:
    """What is known of one request while it goes through the chain; its record is made from it."""

    transport: str
    started: float
    method: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    session: str | None = None
    client_ip: str | None = None
    principal: Principal | None = None
    server: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    arguments_digest: str | None = None
    response: EvaluationResponse | None = None
    origin: DecisionOrigin = DecisionOrigin.NONE
    shown: list[str] | None = None
    approved: str | None = None
    offered: str | None = None
    detail: str | None = None


class Recorder:
    """Makes and commits the records of one enforcer's run (`writer`, `boot`)."""

    def __init__(self, sink: RecordSink, *, writer: str, clock: Clock) -> None:
        self._sink = sink
        self._writer = writer
        self._clock = clock
        self._boot = clock.identifier()
        self._sequence = itertools.count(1)
        self._drifts: dict[Change, DriftRecord] = {}

    async def decision(self, account: Account, code: ReasonCode) -> str:
        """Commit the decision on a request; returns the record's id.

        Raises:
            RecordError: it is not committed.

        """
        identifier = self._clock.identifier()
        await self._sink.commit(
            DecisionRecord(
                id=identifier,
                time=rfc3339(self._clock.wall()),
                writer=self._writer,
                boot=self._boot,
                sequence=next(self._sequence),
                effect=Effect.ALLOW if code is ReasonCode.ALLOWED else Effect.DENY,
                reason_code=code,
                origin=account.origin,
                transport=account.transport,
                latency_us=self._since(account.started),
                method=account.method,
                server=account.server,
                tool=account.tool,
                session=account.session,
                request_id=account.request_id,
                trace_id=account.trace_id,
                client_ip=account.client_ip,
                arguments=account.arguments,
                arguments_digest=account.arguments_digest,
                shown=account.shown,
                offered_digest=account.offered,
                detail=account.detail,
                **_who(account.principal),
                **{"schema_digest": account.approved} | _why(account.response),
            )
        )
        return identifier

    async def outcome(
        self,
        decision: str,
        *,
        fate: Fate,
        code: ReasonCode,
        started: float,
        result: Any = None,
        detail: str | None = None,
    ) -> None:
        """Commit what became of the request that the record `decision` let through.

        Raises:
            RecordError: it is not committed.

        """
        content = None if result is None else canonical(result)
        await self._sink.commit(
            OutcomeRecord(
                id=self._clock.identifier(),
                time=rfc3339(self._clock.wall()),
                writer=self._writer,
                boot=self._boot,
                sequence=next(self._sequence),
                decision=decision,
                fate=fate,
                reason_code=code,
                latency_us=self._since(started),
                result_digest=None if content is None else digest_of(content),
                result_bytes=None if content is None else len(content),
                detail=detail,
            )
        )

    async def drifts(self, changes: Sequence[Change]) -> None:
        """Commit what became of tools; what may have been committed before is repeated as it was.

        Raises:
            RecordError: some of it may not be committed.

        """
        self._drifts = {change: self._drifts.get(change) or self._drift(change) for change in changes}
        await self._sink.commit_all(list(self._drifts.values()))
        self._drifts = {}

    def _drift(self, change: Change) -> DriftRecord:
        return DriftRecord(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=self._boot,
            sequence=next(self._sequence),
            server=change.server,
            state=change.state,
            reason_code=change.code,
            tool=change.tool,
            approved=change.approved,
            offered=change.offered,
            twin=change.twin,
            count=change.count,
            detail=change.detail,
        )

    def _since(self, started: float) -> int:
        return max(0, int((self._clock.steady() - started) * 1_000_000))


def describe_arguments(account: Account, tool: Tool, arguments: dict[str, Any], *, masked: dict[str, Any]) -> None:
    """Put a call's arguments into its account; with a secret among them there is no digest to guess from."""
    account.arguments = masked
    if Mark.SECRET not in tool.marks.values():
        account.arguments_digest = digest(arguments)


def _who(principal: Principal | None) -> dict[str, Any]:
    if principal is None:
        return {}
    return {
        "principal_type": principal.type.value,
        "principal": principal.id,
        "groups": list(principal.properties.groups),
        "actor": principal.actor,
    }


def _why(response: EvaluationResponse | None) -> dict[str, Any]:
    if response is None:
        return {}
    answer = response.context.toolgate
    lists: dict[str, Sequence[str]] = {
        "policies": answer.policies,
        "errors": answer.errors,
        "obligations": answer.obligations,
    }
    return {
        "decision_id": answer.decision_id,
        "generation": answer.generation,
        "bundle": answer.bundle,
        **({} if answer.schema_digest is None else {"schema_digest": answer.schema_digest}),
        **lists,
    }
