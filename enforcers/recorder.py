"""Records on their way out: made here, numbered and kept by the spool before anything goes on."""

from collections.abc import Sequence
from typing import Any

from enforcers.account import Account, ArgumentRecording, members_of
from enforcers.decision_source import RecordSpool
from enforcers.drift import Change
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import RECORD_VERSION, UNNUMBERED, DecisionRecord, DriftRecord, OutcomeRecord
from pdp.core.contract.record_bounds import decision_within_bounds, within_bounds
from pdp.core.contract.record_terms import Effect, Fate, UpstreamFailure


class Recorder:
    """Makes the records of the enforcer `writer`, and has them kept."""

    def __init__(self, spool: RecordSpool, *, writer: str, clock: Clock, arguments: ArgumentRecording) -> None:
        self._spool = spool
        self._writer = writer
        self._clock = clock
        self._arguments = arguments

    async def decision(self, account: Account, code: ReasonCode) -> str:
        """Record the decision on a request; returns the record's id.

        Raises:
            RecordError: it is not kept.

        """
        identifier = self._clock.identifier()
        record = DecisionRecord(
            id=identifier,
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=UNNUMBERED,
            sequence=0,
            version=RECORD_VERSION,
            effect=Effect.ALLOW if code is ReasonCode.ALLOWED else Effect.DENY,
            reason_code=code,
            latency_us=self.since(account.started),
            **members_of(account, arguments=self._arguments),
        )
        await self._spool.append([decision_within_bounds(record)])
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
        upstream_error: int | None = None,
        upstream_failure: UpstreamFailure | None = None,
    ) -> None:
        """Record what became of the request that the record `decision` let through.

        Raises:
            RecordError: it is not kept.

        """
        content = None if result is None else canonical(result)
        record = OutcomeRecord(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=UNNUMBERED,
            sequence=0,
            version=RECORD_VERSION,
            decision=decision,
            fate=fate,
            reason_code=code,
            latency_us=self.since(started),
            result_digest=None if content is None else digest_of(content),
            result_bytes=None if content is None else len(content),
            detail=detail,
            upstream_error=upstream_error,
            upstream_failure=upstream_failure,
        )
        await self._spool.append([within_bounds(record)])

    async def drifts(self, changes: Sequence[Change]) -> None:
        """Record what became of tools.

        Raises:
            RecordError: it is not kept.

        """
        await self._spool.append([self._drift(change) for change in changes])

    def _drift(self, change: Change) -> DriftRecord:
        record = DriftRecord(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=UNNUMBERED,
            sequence=0,
            version=RECORD_VERSION,
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
        return within_bounds(record)

    def since(self, started: float) -> int:
        """The microseconds since the steady time `started`."""
        return max(0, int((self._clock.steady() - started) * 1_000_000))
