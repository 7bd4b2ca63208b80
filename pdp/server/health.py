"""Health, readiness and metrics: what can be asked beside decisions."""

from collections.abc import Mapping
from typing import Any, Final

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import RecordError, Refused
from pdp.server.access import Caller
from pdp.server.bundle_facts import facts_of
from pdp.server.decider import active_name
from pdp.server.exchange import Answer, Request, json_answer
from pdp.server.interior import Interior
from pdp.server.metrics import CONTENT_TYPE, Metrics

PROBE_SECONDS: Final = 1.0
"""For how long the answer of one probe of the log stands."""


class Health:
    """Answers how the decision point is."""

    def __init__(self, interior: Interior, *, metrics: Metrics, clock: Clock) -> None:
        self._interior = interior
        self._metrics = metrics
        self._clock = clock
        self._probed_at: float | None = None
        self._store_error: str | None = None

    async def alive(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
        """`GET /healthz`: the process answers."""
        return json_answer({"status": "ok"})

    async def ready(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /readyz`: 200 with a bundle that decides, revocations and a spool that takes records, else 503."""
        log_error, revocations_error = await self._untaken(), self._unknown()
        log_store_error, waiting = await self._probe(), self._interior.own.spool.standing()
        facts, active = facts_of(self._interior.bundles), active_name(self._interior.decider)
        state: Mapping[str, Any] = {
            "ready": active.generation > 0 and facts.unusable is log_error is revocations_error is None,
            "generation": active.generation,
            "bundle": active.bundle,
            "bundle_error": facts.unusable or self._interior.decider.last_error,
            "bundle_trouble": facts.trouble,
            "bundle_age_ms": facts.bundle_age_ms,
            "source": facts.source,
            "source_age_ms": facts.source_age_ms,
            "revocations_error": revocations_error,
            "log_error": log_error,
            "log_store_error": log_store_error,
            "log_waiting": waiting.records,
            "log_waiting_ms": None if waiting.age is None else int(waiting.age * 1000),
            "log_refused": waiting.refused,
            "log_queue": self._interior.writer.depth,
            "checkpoints": None if self._interior.checkpoints is None else self._interior.checkpoints.standing(),
            "canary": None if self._interior.trial is None else self._interior.trial.standing,
        }
        return json_answer(state, status=200 if state["ready"] else 503)

    async def metrics(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /metrics`: the Prometheus text format."""
        return Answer(200, self._metrics.exposition(), CONTENT_TYPE)

    def _unknown(self) -> str | None:
        """Why nobody knows what is revoked, None where that is known."""
        try:
            self._interior.held.current()
        except Refused as refusal:
            return refusal.detail
        return None

    async def _untaken(self) -> str | None:
        """Why no record can be kept now, None where it can."""
        try:
            await self._interior.own.spool.check()
        except RecordError as error:
            return error.detail
        return None

    async def _probe(self) -> str | None:
        now = self._clock.steady()
        if self._probed_at is None or now - self._probed_at >= PROBE_SECONDS:
            self._probed_at = now
            try:
                await self._interior.writer.probe()
                self._store_error = None
            except RecordError as error:
                self._store_error = error.detail
        return self._store_error
