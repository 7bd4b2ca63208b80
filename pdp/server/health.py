"""Health, readiness and metrics: what can be asked beside decisions."""

from collections.abc import Mapping
from typing import Any, Final

from pdp.audit.ingest import LogWriter
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import RecordError, Refused
from pdp.revocation.held import HeldRevocations
from pdp.server.access import Caller
from pdp.server.decider import Decider
from pdp.server.exchange import Answer, Request, json_answer
from pdp.server.metrics import CONTENT_TYPE, Metrics
from pdp.server.trial import Trial

PROBE_SECONDS: Final = 1.0
"""For how long the answer of one probe of the log stands."""


class Health:
    """Answers how the decision point is."""

    def __init__(
        self,
        decider: Decider,
        writer: LogWriter,
        held: HeldRevocations,
        *,
        metrics: Metrics,
        clock: Clock,
        trial: Trial | None = None,
    ) -> None:
        self._decider = decider
        self._writer = writer
        self._held = held
        self._metrics = metrics
        self._clock = clock
        self._trial = trial
        self._probed_at: float | None = None
        self._log_error: str | None = None

    async def alive(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
        """`GET /healthz`: the process answers."""
        return json_answer({"status": "ok"})

    async def ready(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /readyz`: 200 with an active bundle, revocations and a log that takes records, else 503."""
        log_error, revocations_error = await self._probe(), self._unknown()
        state: Mapping[str, Any] = {
            "ready": self._decider.generation > 0 and log_error is None and revocations_error is None,
            "generation": self._decider.generation,
            "bundle": self._decider.bundle,
            "bundle_error": self._decider.last_error,
            "revocations_error": revocations_error,
            "log_error": log_error,
            "log_queue": self._writer.depth,
            "canary": None if self._trial is None else self._trial.standing,
        }
        return json_answer(state, status=200 if state["ready"] else 503)

    async def metrics(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /metrics`: the Prometheus text format."""
        return Answer(200, self._metrics.exposition(), CONTENT_TYPE)

    def _unknown(self) -> str | None:
        """Why nobody knows what is revoked, None where that is known."""
        try:
            self._held.current()
        except Refused as refusal:
            return refusal.detail
        return None

    async def _probe(self) -> str | None:
        now = self._clock.steady()
        if self._probed_at is None or now - self._probed_at >= PROBE_SECONDS:
            self._probed_at = now
            try:
                await self._writer.probe()
                self._log_error = None
            except RecordError as error:
                self._log_error = error.detail
        return self._log_error
