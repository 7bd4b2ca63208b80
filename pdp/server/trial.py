"""The trial of a shadow bundle: what was picked waits here, is compared beside the answers, and is recorded."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.authzen import EvaluationRequest, EvaluationResponse
from pdp.core.contract.clock import Clock
from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.errors import RecordError
from pdp.lifecycle.shadow import ShadowBundle
from pdp.lifecycle.standing import Trouble
from pdp.server.comparison import Sample, compare
from pdp.server.own_records import OwnRecords
from pdp.server.sampling import Sampler, is_light
from pdp.server.tally import Tally, Totals


@dataclass(frozen=True, slots=True)
class TrialBounds:
    """Bounds of a trial; times are seconds.

    Over `max_waiting` a request is skipped. Every `pause` what waits is compared, for at most `turn` in one go, by a
    thread that rests as long as it works, and `rest` at least, so that answers go first. What was compared is recorded
    within `interval`; with a full list of differences at once, but no more than one record in `spacing`. At the end
    what waits is compared for at most `last`.
    """

    max_waiting: int = 512
    pause: float = 0.05
    turn: float = 1.0
    rest: float = 0.00005
    interval: float = 10.0
    spacing: float = 1.0
    last: float = 2.0


@dataclass(frozen=True, slots=True)
class CanaryStanding:
    """How a canary is: what is tried on how much, what became of it, and why the newest of `source` is not tried.

    `failures` counts how often what the source had could not be taken, the rest requests since the start.
    """

    percent: float
    source: str
    bundle: str | None
    trouble: Trouble | None
    error: str | None
    failures: int
    compared: int
    skipped: int
    incomparable: int
    different: int


class Trial:
    """Compares what is offered to it with what `shadow` says; touches no answer."""

    def __init__(
        self,
        shadow: ShadowBundle,
        records: OwnRecords,
        *,
        percent: float,
        clock: Clock,
        log: FilteringBoundLogger,
        bounds: TrialBounds | None = None,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._shadow = shadow
        self._records = records
        self._percent = percent
        self._sampler = Sampler(percent)
        self._clock = clock
        self._log = log
        self._bounds = bounds or TrialBounds()
        self._rest = rest
        self._waiting: deque[Sample] = deque()
        self._tally = Tally()
        self._pending: Sequence[ComparisonRecord] = ()
        self._recorded_at = clock.steady()

    @property
    def totals(self) -> Totals:
        """What came of it since the start."""
        return self._tally.totals

    @property
    def standing(self) -> CanaryStanding:
        """How the canary is."""
        shadow, totals = self._shadow, self._tally.totals
        return CanaryStanding(
            percent=self._percent,
            source=shadow.source,
            bundle=None if shadow.bundle is None else shadow.bundle.manifest.digest,
            trouble=shadow.standing.trouble,
            error=shadow.standing.error,
            failures=shadow.failures,
            compared=totals.compared,
            skipped=totals.skipped,
            incomparable=totals.incomparable,
            different=totals.different,
        )

    def offer(self, request: EvaluationRequest, response: EvaluationResponse, *, now: float) -> None:
        """Have `request`, answered by `response` at Unix time `now`, compared later, where it is picked."""
        shadow = self._shadow.bundle
        if shadow is None or not self._sampler.picks(response.context.toolgate.decision_id):
            return
        sample = Sample(request, response, now, shadow)
        if len(self._waiting) < self._bounds.max_waiting and is_light(request):
            self._waiting.append(sample)
        else:
            self._tally.skip(sample)

    async def run(self) -> None:
        """Compare and record until cancelled; then once more what is there."""
        try:
            while True:
                await asyncio.sleep(self._bounds.pause)
                await _whole(self.turn())
        finally:
            await self.finish()

    async def turn(self) -> None:
        """Compare what waits, and record what is due."""
        if self._waiting:
            await asyncio.to_thread(self._compare, self._bounds.turn)
        since = self._clock.steady() - self._recorded_at
        if since >= self._bounds.interval or (since >= self._bounds.spacing and self._is_urgent()):
            await self._record()

    async def finish(self) -> None:
        """Compare what waits for as long as there is time, count the rest as skipped, and record everything."""
        await asyncio.to_thread(self._compare, self._bounds.last)
        while self._waiting:
            self._tally.skip(self._waiting.popleft())
        await self._record()
        if not self._tally.is_empty:
            await self._record()

    def _is_urgent(self) -> bool:
        """What could not be recorded is no reason for haste."""
        return not self._pending and self._tally.is_full

    def _compare(self, seconds: float) -> None:
        """Compare until nothing waits or `seconds` are over; belongs to a thread of its own."""
        began = self._clock.steady()
        while (worked := self._clock.steady()) - began < seconds:
            try:
                sample = self._waiting.popleft()
            except IndexError:
                return
            self._tally.add(sample, compare(sample))
            self._rest(max(self._bounds.rest, self._clock.steady() - worked))

    async def _record(self) -> None:
        """Commit what was counted; what cannot be is tried again as it is, and is counted on beside it."""
        self._recorded_at = self._clock.steady()
        if not self._pending:
            self._pending = [
                self._records.made(ComparisonRecord, percent=self._percent, **members) for members in self._tally.take()
            ]
        if not self._pending:
            return
        try:
            await self._records.commit(self._pending)
        except RecordError as error:
            self._log.error("comparison_not_recorded", cause=error.detail)
        else:
            self._pending = ()


async def _whole(turn: Coroutine[None, None, None]) -> None:
    """Return once `turn` has ended, cancelled or not: what it has in its hands is neither lost nor recorded twice."""
    turning = asyncio.create_task(turn)
    try:
        await asyncio.shield(turning)
    except asyncio.CancelledError:
        await turning
        raise
