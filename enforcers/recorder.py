"""Records on their way out: numbered here, committed by the sink before anything goes on."""

import itertools
from collections.abc import Sequence
from typing import Any

from enforcers.account import Account, ArgumentRecording, members_of
from enforcers.decision_source import RecordSink
from enforcers.drift import Change
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import (
    RECORD_VERSION,
    DecisionRecord,
    DriftRecord,
    Effect,
    Fate,
    OutcomeRecord,
    UpstreamFailure,
)
from pdp.core.contract.record_bounds import decision_within_bounds, within_bounds


class Recorder:
    """Makes and commits the records of one enforcer's run (`writer`, `boot`)."""

    def __init__(self, sink: RecordSink, *, writer: str, clock: Clock, arguments: ArgumentRecording) -> None:
        self._sink = sink
        self._writer = writer
        self._clock = clock
        self._arguments = arguments
        self._boot = clock.identifier()
        self._sequence = itertools.count(1)
        self._drifts: dict[Change, DriftRecord] = {}

    async def decision(self, account: Account, code: ReasonCode) -> str:
        """Commit the decision on a request; returns the record's id.

        Raises:
            RecordError: it is not committed.

        """
        identifier = self._clock.identifier()
        record = DecisionRecord(
            id=identifier,
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=self._boot,
            sequence=next(self._sequence),
            version=RECORD_VERSION,
            effect=Effect.ALLOW if code is ReasonCode.ALLOWED else Effect.DENY,
            reason_code=code,
            latency_us=self.since(account.started),
            **members_of(account, arguments=self._arguments),
        )
        await self._sink.commit(decision_within_bounds(record))
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
        """Commit what became of the request that the record `decision` let through.

        Raises:
            RecordError: it is not committed.

        """
        content = None if result is None else canonical(result)
        record = OutcomeRecord(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=self._boot,
            sequence=next(self._sequence),
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
        await self._sink.commit(within_bounds(record))

    async def drifts(self, changes: Sequence[Change]) -> None:
        """Commit what became of tools; what may have been committed before is repeated as it was.

        Raises:
            RecordError: some of it may not be committed.

        """
        self._drifts = {change: self._drifts.get(change) or self._drift(change) for change in changes}
        await self._sink.commit_all(list(self._drifts.values()))
        self._drifts = {}

    def _drift(self, change: Change) -> DriftRecord:
        record = DriftRecord(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=self._writer,
            boot=self._boot,
            sequence=next(self._sequence),
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
