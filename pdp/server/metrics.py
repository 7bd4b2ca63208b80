"""What the decision point counts, in a registry of its own."""

from collections.abc import Iterator, Sized
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pdp.audit.evidence.service import CheckpointService
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DriftRecord
from pdp.core.contract.record_terms import Effect
from pdp.lifecycle.standing import Trouble
from pdp.server.interior import Interior
from pdp.server.trial import Trial

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST.encode("ascii")

_BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Counts of one server; `listeners` are those of its events."""

    def __init__(self, interior: Interior, *, listeners: Sized) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(interior, listeners))
        if interior.trial is not None:
            self._registry.register(_Canary(interior.trial))
        if interior.checkpoints is not None:
            self._registry.register(_Checkpoints(interior.checkpoints))
        self._decisions = Counter(
            "toolgate_decisions_total", "Decisions.", ["decision", "reason_code"], registry=self._registry
        )
        self._seconds = Histogram(
            "toolgate_decision_seconds", "From request to answer.", buckets=_BUCKETS, registry=self._registry
        )
        self._drifts = Counter(
            "toolgate_drifts_total", "Tools found not to be as they were.", ["state"], registry=self._registry
        )
        self._fenced = Counter(
            "toolgate_fenced_total",
            "Requests about servers that are not the enforcer's.",
            ["enforcer"],
            registry=self._registry,
        )
        self._answers = Counter("toolgate_http_answers_total", "HTTP answers.", ["status"], registry=self._registry)

    def decided(self, effect: Effect, code: ReasonCode, *, seconds: float) -> None:
        """Count one decision."""
        self._decisions.labels(effect.value, code.value).inc()
        self._seconds.observe(seconds)

    def drifted(self, record: DriftRecord) -> None:
        """Count what became of a tool, or of several."""
        self._drifts.labels(record.state.value).inc(record.count)

    def fenced(self, enforcer: str) -> None:
        """Count one request of the enforcer of that name that was none of its business."""
        self._fenced.labels(enforcer).inc()

    def answered(self, status: int) -> None:
        """Count one answer."""
        self._answers.labels(str(status)).inc()

    def exposition(self) -> bytes:
        """All of it in the Prometheus text format."""
        return generate_latest(self._registry)


class _State(Collector):
    """What others keep, read when it is asked for."""

    def __init__(self, interior: Interior, listeners: Sized) -> None:
        self._interior = interior
        self._listeners = listeners

    def collect(self) -> Iterator[Metric]:
        decider, writer = self._interior.decider, self._interior.writer
        commits = writer.commits
        yield GaugeMetricFamily("toolgate_generation", "Generation of the bundle.", value=decider.generation)
        yield GaugeMetricFamily("toolgate_listeners", "Enforcers that listen to events.", value=len(self._listeners))
        yield GaugeMetricFamily("toolgate_log_queue", "Records that wait to be committed.", value=writer.depth)
        yield CounterMetricFamily("toolgate_records_committed", "Records committed.", value=commits.committed)
        yield CounterMetricFamily("toolgate_record_failures", "Records not committed.", value=commits.failures)
        yield from self._of_records()
        yield CounterMetricFamily(
            "toolgate_bundle_reload_failures", "Bundles not activated.", value=decider.reload_failures
        )
        yield from self._of_bundles()

    def _of_records(self) -> Iterator[Metric]:
        spool = self._interior.own.spool.standing()
        yield GaugeMetricFamily("toolgate_spool_records", "Own records that wait for the log.", value=spool.records)
        yield GaugeMetricFamily("toolgate_spool_bytes", "Bytes of them.", value=spool.bytes)
        yield GaugeMetricFamily("toolgate_spool_age_seconds", "Since when the oldest waits.", value=spool.age or 0.0)
        yield CounterMetricFamily("toolgate_spool_refused", "Own records refused for good.", value=spool.refused)
        if self._interior.arrears is None:
            return
        missing = GaugeMetricFamily("toolgate_log_records_missing", "Between those that came.", labels=["enforcer"])
        behind = GaugeMetricFamily("toolgate_log_records_behind", "After those that came.", labels=["enforcer"])
        for writer, arrear in self._interior.arrears.last.items():
            missing.add_metric([writer], arrear.missing)
            behind.add_metric([writer], arrear.behind)
        yield missing
        yield behind

    def _of_bundles(self) -> Iterator[Metric]:
        bundles = self._interior.bundles
        standing, failures, confirmed_ago = bundles.standing, bundles.failures_by, bundles.confirmed_ago()
        troubles = GaugeMetricFamily("toolgate_bundle_trouble", "Why the newest is not in force.", labels=["code"])
        failed = CounterMetricFamily("toolgate_bundle_failures", "Bundles not activated, by why.", labels=["code"])
        for code in Trouble:
            troubles.add_metric([code.value], float(standing.trouble is code))
            failed.add_metric([code.value], failures.get(code, 0))
        yield troubles
        yield failed
        if confirmed_ago is not None:
            yield GaugeMetricFamily(
                "toolgate_source_confirmed_age_seconds", "Since the source was confirmed.", value=confirmed_ago
            )


class _Canary(Collector):
    """What came of a trial."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def collect(self) -> Iterator[Metric]:
        standing, changes = self._trial.standing, dict(self._trial.totals.changes)
        requests = CounterMetricFamily("toolgate_canary_requests", "Requests picked for the canary.", labels=["result"])
        for result in ("compared", "skipped", "incomparable"):
            requests.add_metric([result], getattr(standing, result))
        yield requests
        different = CounterMetricFamily("toolgate_canary_different", "Answers that differ.", labels=["change"])
        for change, count in changes.items():
            different.add_metric([change.value], count)
        yield different
        yield CounterMetricFamily("toolgate_canary_reload_failures", "Canaries not taken.", value=standing.failures)


class _Checkpoints(Collector):
    """How the log is signed, and what places outside have."""

    def __init__(self, checkpoints: CheckpointService) -> None:
        self._checkpoints = checkpoints

    def collect(self) -> Iterator[Metric]:
        standing = self._checkpoints.standing()
        refused = float(standing["refused"] is not None)
        yield GaugeMetricFamily("toolgate_log_checkpoint", "Number of the newest checkpoint.", value=standing["number"])
        yield GaugeMetricFamily("toolgate_log_checkpoint_refused", "Whether none can be signed.", value=refused)
        behind = GaugeMetricFamily("toolgate_log_export_behind", "Checkpoints that a place lacks.", labels=["target"])
        failing = GaugeMetricFamily("toolgate_log_export_failing", "Whether a place takes none.", labels=["target"])
        for export in standing["exports"]:
            behind.add_metric([export["target"]], export["behind"])
            failing.add_metric([export["target"]], float(export["error"] is not None))
        yield behind
        yield failing
