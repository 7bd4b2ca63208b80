from concurrent.futures import ThreadPoolExecutor

from pdp.core.contract.record import Change
from pdp.server.comparison import Compared, Incomparable, Note
from pdp.server.tally import Pair, Tally
from tests.unit.audit.sample import difference
from tests.unit.server.shadowing import NOW

PAIR = Pair(7, "sha256:00", "sha256:ff")
NEXT = Pair(8, "sha256:11", "sha256:ff")


def test_everything_that_was_picked_is_counted_once_and_then_counting_begins_anew() -> None:
    tally = Tally()
    assert (tally.is_empty, tally.take()) == (True, [])
    tally.add(PAIR, Compared(None), now=NOW + 2)
    tally.add(PAIR, Compared(difference(1)), now=NOW + 1)
    tally.add(PAIR, Compared(difference(2, change=Change.MESSAGE), Note.OTHER_MAPPING), now=NOW + 3)
    tally.add(PAIR, Incomparable(Note.UNHELD), now=NOW + 3)
    tally.skip(PAIR, now=NOW + 4)
    assert tally.take() == [
        {
            "generation": 7,
            "bundle": "sha256:00",
            "shadow": "sha256:ff",
            "since": "2026-07-28T09:00:01.000Z",
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
    tally.add(PAIR, Compared(None), now=NOW)
    tally.add(NEXT, Compared(difference()), now=NOW)
    tally.add(PAIR, Compared(None), now=NOW)
    assert [(one["generation"], one["compared"], one["different"]) for one in tally.take()] == [(7, 2, 0), (8, 1, 1)]


def test_a_list_is_bounded_and_its_counts_are_not() -> None:
    tally = Tally()
    for number in range(99):
        tally.add(PAIR, Compared(difference(number)), now=NOW)
    before = tally.is_full
    for number in range(99, 250):
        tally.add(PAIR, Compared(difference(number)), now=NOW)
    assert (before, tally.is_full) == (False, True)
    (taken,) = tally.take()
    assert (taken["different"], taken["changes"], len(taken["differences"])) == (250, {Change.ALLOW_TO_DENY: 250}, 100)
    assert (taken["differences"][-1], tally.is_empty) == (difference(99), True)


def test_threads_count_together() -> None:
    tally = Tally()

    def add(_: int) -> None:
        tally.add(PAIR, Compared(difference()), now=NOW)
        tally.skip(NEXT, now=NOW)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(2000)))
    one, other = tally.take()
    assert (one["compared"] + other["compared"], one["skipped"] + other["skipped"]) == (2000, 2000)
