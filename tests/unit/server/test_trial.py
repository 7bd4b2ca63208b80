import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest

from pdp.audit.ingest import LogWriter
from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.clock import Clock
from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.record import DecisionRecord, Record
from pdp.core.contract.record_terms import Change
from pdp.lifecycle.shadow import ShadowBundle
from pdp.server import trial
from pdp.server.canary import CanaryDecider
from pdp.server.comparison import Comparison, Note, Sample, compare
from pdp.server.own_records import OwnRecords
from pdp.server.tally import MOST_DIFFERENCES
from pdp.server.trial import CanaryStanding, Trial, TrialBounds
from tests.record_schema import VALIDATOR, plain
from tests.unit.audit.sample import MemoryStore
from tests.unit.server.direct_spool import DirectSpool
from tests.unit.server.hosting import TellingDecider, hosting
from tests.unit.server.shadowing import FORBID, NOW, PERMIT, Folder, answered, asked, bundle, failing, files, shadow_of
from tests.unit.tokens.minting import Events

ACTIVE = bundle()


@dataclass
class Stage:
    """A trial with a log in memory, on clocks that stand still until they are set."""

    trial: Trial
    shadow: ShadowBundle
    store: MemoryStore
    own: OwnRecords
    clock: Clock
    now: list[float]
    events: Events = field(default_factory=Events)

    def ask(self, count: int = 1, **named: object) -> None:
        for number in range(count):
            request = asked(**named)  # type: ignore[arg-type]
            self.trial.offer(request, answered(ACTIVE, request, number=number), now=NOW)

    @property
    def records(self) -> list[ComparisonRecord]:
        found = [record for record in self.store.records if isinstance(record, ComparisonRecord)]
        for record in found:
            VALIDATOR.validate(plain(record))
        return found


@asynccontextmanager
async def staged(
    policy: str = FORBID,
    *,
    percent: float = 100.0,
    bounds: TrialBounds | None = None,
    rest: Callable[[float], None] = lambda _: None,
) -> AsyncIterator[Stage]:
    now, store, events = [0.0], MemoryStore(), Events()
    clock = Clock(lambda: NOW + now[0], lambda: now[0], bytes)
    writer = LogWriter(store, log=events.log())
    shadow = shadow_of(files(policy), clock=clock)
    own = OwnRecords(writer, DirectSpool(writer), clock=clock)
    trial = Trial(shadow, own, percent=percent, clock=clock, log=events.log(), bounds=bounds, rest=rest)
    writer.start()
    try:
        yield Stage(trial, shadow, store, own, clock, now, events)
    finally:
        await writer.aclose()


async def test_what_differs_is_recorded_when_the_interval_is_over() -> None:
    async with staged() as stage:
        stage.ask(3)
        await stage.trial.turn()
        assert stage.records == []
        stage.now[0] = 10.0
        await stage.trial.turn()
        (record,) = stage.records
    assert (record.writer, record.sequence, record.time) == ("pdp", 1, "2026-07-28T09:00:10.000Z")
    assert (record.generation, record.bundle) == (0, ACTIVE.manifest.digest)
    assert (record.shadow, record.percent) == (bundle(FORBID).manifest.digest, 100.0)
    assert (record.compared, record.different, record.changes) == (3, 3, {Change.ALLOW_TO_DENY: 3})
    assert [one.decision_id for one in record.differences] == [f"{number:032x}" for number in range(3)]


async def test_where_nothing_was_compared_nothing_is_recorded() -> None:
    async with staged() as stage:
        for stage.now[0] in (10.0, 20.0, 30.0):
            await stage.trial.turn()
        await stage.trial.finish()
        assert stage.records == []


async def test_what_is_the_same_is_recorded_too() -> None:
    async with staged(PERMIT) as stage:
        stage.ask(2)
        await stage.trial.finish()
        (record,) = stage.records
    assert (record.compared, record.different, record.differences) == (2, 0, [])


async def test_only_what_is_picked_is_compared() -> None:
    async with staged(percent=1 / 2**32 * 100 * 4) as stage:
        stage.ask(10)  # of the ids 0 to 9, those below 4
        await stage.trial.finish()
        (record,) = stage.records
    assert record.compared == 4


async def test_a_full_list_is_recorded_at_once_but_no_more_often_than_the_spacing_allows() -> None:
    async with staged() as stage:
        stage.now[0] = 1.0
        stage.ask(MOST_DIFFERENCES + 50)
        await stage.trial.turn()
        assert [(one.different, len(one.differences)) for one in stage.records] == [(150, 100)]
        stage.now[0] = 1.5
        stage.ask(200)
        await stage.trial.turn()
        assert len(stage.records) == 1
        stage.now[0] = 2.0
        await stage.trial.turn()
        assert [one.different for one in stage.records] == [150, 200]


async def test_what_finds_no_room_is_counted_as_skipped_and_waits_for_nobody() -> None:
    async with staged(bounds=TrialBounds(max_waiting=5)) as stage:
        stage.ask(12)
        stage.ask(1, arguments={"text": "x" * 100_000})
        await stage.trial.finish()
        (record,) = stage.records
        assert (record.compared, record.skipped) == (5, 8)
        assert (stage.trial.standing.compared, stage.trial.standing.skipped) == (5, 8)


async def test_what_is_heavy_is_skipped_however_much_room_there_is() -> None:
    async with staged() as stage:
        stage.ask(1, arguments={"text": "x" * 100_000})
        await stage.trial.finish()
        assert [(one.compared, one.skipped) for one in stage.records] == [(0, 1)]


async def test_a_shadow_that_fails_touches_no_answer_and_is_told() -> None:
    async with staged() as stage:
        stage.shadow.bundle = failing()
        stage.ask(2)
        await stage.trial.finish()
        (record,) = stage.records
    assert record.changes == {Change.FAILED: 2}
    assert {(one.shadow, one.failure) for one in record.differences} == {(None, "KeyError")}


async def test_without_a_shadow_nothing_is_picked() -> None:
    async with staged() as stage:
        stage.shadow.bundle = None
        stage.ask(3)
        await stage.trial.finish()
        assert (stage.records, stage.trial.totals.skipped) == ([], 0)


async def test_each_request_is_compared_with_what_was_tried_when_it_was_decided() -> None:
    async with staged() as stage:
        stage.ask(1)
        stage.shadow.bundle = ACTIVE
        stage.ask(1)
        await stage.trial.finish()
        assert [(one.shadow, one.different) for one in stage.records] == [
            (bundle(FORBID).manifest.digest, 1),
            (ACTIVE.manifest.digest, 0),
        ]


async def test_incomparable_requests_are_counted_with_their_reason() -> None:
    async with staged() as stage:
        stage.ask(1, properties={"mapping": "sha256:gone"})
        await stage.trial.finish()
        (record,) = stage.records
    assert (record.compared, record.incomparable, record.detail) == (0, 1, Note.REMAPPED)


async def test_one_sequence_counts_decisions_and_comparisons_and_a_failed_record_comes_again() -> None:
    def full(_: object) -> None:
        raise StoreUnavailableError("disk full")

    async with staged() as stage:
        stage.ask(1)
        stage.store.judge = full
        stage.now[0] = 10.0
        await stage.trial.turn()
        assert stage.events.named("comparison_not_recorded")[0]["level"] == "error"
        stage.ask(300)
        stage.now[0] = 15.0
        await stage.trial.turn()  # a full list makes nobody try more often
        stage.store.judge = None
        own = stage.own.made(DecisionRecord, **_decided())
        await stage.own.commit([own])
        stage.now[0] = 20.0
        await stage.trial.turn()
        await stage.trial.finish()
        assert [(one.sequence, _different(one)) for one in stage.store.records] == [(1, None), (2, 1), (3, 300)]
    assert len(stage.events.named("comparison_not_recorded")) == 1


def _different(record: Record) -> int | None:
    return record.different if isinstance(record, ComparisonRecord) else None


def _decided() -> dict[str, object]:
    return {"effect": "allow", "reason_code": "allowed", "origin": "fresh", "transport": "authzen", "latency_us": 1}


async def test_a_trial_that_is_ended_compares_and_records_what_is_there() -> None:
    async with staged() as stage:
        running = asyncio.create_task(stage.trial.run())
        await asyncio.sleep(0)
        stage.ask(7)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert [one.compared for one in stage.records] == [7]


async def test_a_trial_that_is_ended_records_what_it_is_comparing(monkeypatch: pytest.MonkeyPatch) -> None:
    comparing, may_end = threading.Event(), threading.Event()

    def slow(sample: Sample) -> Comparison:
        comparing.set()
        assert may_end.wait(30)
        return compare(sample)

    monkeypatch.setattr(trial, "compare", slow)
    async with staged(bounds=TrialBounds(pause=0)) as stage:
        running = asyncio.create_task(stage.trial.run())
        stage.ask(3)
        assert await asyncio.to_thread(comparing.wait, 30)
        running.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(running, return_exceptions=True)
        assert [one.compared for one in stage.records] == [3]


async def test_a_trial_that_is_ended_records_once_what_it_is_recording() -> None:
    async with staged(bounds=TrialBounds(pause=0, interval=0)) as stage:
        stage.store.gate.clear()
        running = asyncio.create_task(stage.trial.run())
        stage.ask(3)
        while stage.trial.totals.compared < 3:  # noqa: ASYNC110 - a thread counts
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.sleep(0)
        stage.store.gate.set()
        await asyncio.gather(running, return_exceptions=True)
        assert sum(one.compared for one in stage.records) == 3


async def test_a_trial_that_is_ended_skips_what_there_is_no_time_for() -> None:
    async with staged(
        bounds=TrialBounds(last=1.0), rest=lambda _: stage.now.__setitem__(0, stage.now[0] + 0.5)
    ) as stage:
        stage.ask(10)
        await stage.trial.finish()
        assert [(one.compared, one.skipped) for one in stage.records] == [(2, 8)]


async def test_comparing_rests_as_long_as_it_works_and_is_off_the_event_loop() -> None:
    rests: list[tuple[float, bool]] = []

    def rest(seconds: float) -> None:
        rests.append((seconds, threading.current_thread() is threading.main_thread()))

    async with staged(rest=rest) as stage:
        stage.ask(2)
        await stage.trial.turn()
    assert rests == [(0.00005, False)] * 2


async def test_a_standing_says_what_is_tried_and_what_came_of_it() -> None:
    async with staged() as stage:
        stage.ask(2)
        await stage.trial.finish()
        source = stage.shadow._source
        assert isinstance(source, Folder)
        source.found = files("permit (")
        stage.shadow.refresh()
        standing = stage.trial.standing
        assert standing == CanaryStanding(
            percent=100.0,
            source="the test",
            bundle=bundle(FORBID).manifest.digest,
            trouble=standing.trouble,
            error=standing.error,
            failures=1,
            compared=2,
            skipped=0,
            incomparable=0,
            different=2,
        )
        assert standing.trouble == "bundle_refused"
        assert "policies/a.cedar:1" in str(standing.error)


class Instants(TellingDecider):
    """Decides by the bundle `ACTIVE` at the instant that it is given, or raises."""

    def evaluate_at(self, request: "object", *, now: float) -> "object":
        if self.raises is not None:
            raise self.raises
        return answered(ACTIVE, request, now=now)  # type: ignore[arg-type]


async def test_a_decider_under_a_canary_answers_as_without_and_offers_the_instant() -> None:
    async with staged() as stage:
        decider = Instants()
        under = CanaryDecider(decider, stage.trial, clock=stage.clock)  # type: ignore[arg-type]
        stage.now[0] = 3.0
        assert under.evaluate(asked()) == answered(ACTIVE, asked(), now=NOW + 3.0)
        (waiting,) = stage.trial._waiting
        assert (waiting.request, waiting.now) == (asked(), NOW + 3.0)
        decider.last_error, decider.reload_failures = "x", 4
        assert (under.generation, under.bundle, under.last_error, under.reload_failures) == (7, decider.bundle, "x", 4)
        assert (under.catalog_json(), under.mapping_json()) == (b'{"tools":[]}', b'{"issuers":{}}')
        decider.raises = ValueError("refused")
        with pytest.raises(ValueError, match="refused"):
            under.evaluate(asked())
        assert len(stage.trial._waiting) == 1


async def test_health_and_metrics_say_how_the_canary_is() -> None:
    async with staged() as stage:
        stage.ask(2)
        await stage.trial.finish()
        async with hosting(trial=stage.trial) as host:
            state = (await host.client.get("/readyz")).json()
            text = (await host.client.get("/metrics")).text
    assert (state["ready"], state["canary"]) == (True, msgspec.to_builtins(stage.trial.standing))
    assert 'toolgate_canary_requests_total{result="compared"} 2.0' in text
    assert 'toolgate_canary_requests_total{result="skipped"} 0.0' in text
    assert 'toolgate_canary_requests_total{result="incomparable"} 0.0' in text
    assert 'toolgate_canary_different_total{change="allow_to_deny"} 2.0' in text
    assert 'toolgate_canary_different_total{change="message"} 0.0' in text
    assert "toolgate_canary_reload_failures_total 0.0" in text


async def test_without_a_canary_nothing_is_said_of_one() -> None:
    async with hosting() as host:
        assert "canary" not in (await host.client.get("/metrics")).text
