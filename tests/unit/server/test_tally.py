from concurrent.futures import ThreadPoolExecutor

from pdp.core.bundle.bundle import Bundle
from pdp.core.contract.record_terms import Change
from pdp.server.comparison import Compared, Incomparable, Note, Sample
from pdp.server.tally import Tally
from tests.unit.audit.sample import difference
from tests.unit.server.shadowing import FORBID, NOW, bundle, sample

ONE, OTHER = bundle(), bundle(FORBID)


def given(*, now: float = NOW, active: Bundle = ONE) -> Sample:
    return sample(active, shadow=OTHER, now=now)


SAMPLE = given()


def test_everything_that_was_picked_is_counted_once_and_then_counting_begins_anew() -> None:
    tally = Tally()
    assert (tally.is_empty, tally.take()) == (True, [])
    tally.add(given(now=NOW + 2), Compared(None))
    tally.add(given(now=NOW + 1), Compared(difference(1)))
    tally.add(given(), Compared(difference(2, change=Change.MESSAGE), Note.OTHER_MAPPING))
    tally.add(given(), Incomparable(Note.UNHELD))
    tally.skip(given())
    assert tally.take() == [
        {
            "generation": 0,
            "bundle": ONE.manifest.digest,
            "shadow": OTHER.manifest.digest,
            "since": "2026-07-28T09:00:00.000Z",
            "compared": 3,
            "skipped": 1,
            "incomparable": 1,
            "different": 2,
            "changes": {Change.ALLOW_TO_DENY: 1, Change.MESSAGE: 1},
            "differences": [difference(1), difference(2, change=Change.MESSAGE)],
            "detail": f"{Note.OTHER_MAPPING}; {Note.UNHELD}",
        }
    ]
    assert (tally.is_empty, tally.take()) == (True, [])
    totals = tally.totals
    assert (totals.compared, totals.skipped, totals.incomparable, totals.different) == (3, 1, 1, 2)


def test_each_pair_of_bundles_is_counted_by_itself() -> None:
    tally = Tally()
    tally.add(given(), Compared(None))
    tally.add(given(active=OTHER), Compared(difference()))
    tally.add(given(), Compared(None))
    assert [(one["bundle"], one["compared"], one["different"]) for one in tally.take()] == [
        (ONE.manifest.digest, 2, 0),
        (OTHER.manifest.digest, 1, 1),
    ]


def test_a_list_is_bounded_and_its_counts_are_not() -> None:
    tally = Tally()
    for number in range(99):
        tally.add(SAMPLE, Compared(difference(number)))
    before = tally.is_full
    for number in range(99, 250):
        tally.add(SAMPLE, Compared(difference(number)))
    assert (before, tally.is_full) == (False, True)
    (taken,) = tally.take()
    assert (taken["different"], taken["changes"], len(taken["differences"])) == (250, {Change.ALLOW_TO_DENY: 250}, 100)
    assert (taken["differences"][-1], tally.is_empty) == (difference(99), True)


def test_threads_count_together() -> None:
    tally = Tally()

    def add(_: int) -> None:
        tally.add(SAMPLE, Compared(difference()))
        tally.skip(SAMPLE)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(2000)))
    (taken,) = tally.take()
    assert (taken["compared"], taken["skipped"], taken["different"]) == (2000, 2000, 2000)
