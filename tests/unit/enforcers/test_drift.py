from collections.abc import Iterable, Sequence

from enforcers.comparison import Comparison
from enforcers.drift import MAX_CHANGES, MAX_NAMED, Change, Ledger
from enforcers.offer import Offer
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.record_terms import DriftState
from tests.unit.enforcers.test_comparison import catalog, offer

READ = catalog("read", "write")


class Watched:
    """A ledger of which every change is recorded at once."""

    def __init__(self, approved: Catalog = READ) -> None:
        self.ledger = Ledger()
        self.catalog = approved

    def see(self, *offers: Offer) -> Sequence[Change]:
        changes = self.changes(offers)
        for change in changes:
            self.ledger.settle(change)
        return changes

    def changes(self, offers: Iterable[Offer]) -> Sequence[Change]:
        return self.ledger.changes(self.compared(offers))

    def compared(self, offers: Iterable[Offer]) -> Comparison:
        table: dict[str, list[Offer]] = {}
        for one in offers:
            table.setdefault(one.id, []).append(one)
        return Comparison(table, catalog=self.catalog)

    def states(self, *offers: Offer) -> list[tuple[str | None, DriftState]]:
        return [(change.tool, change.state) for change in self.see(*offers)]


def test_what_is_approved_from_the_start_is_no_change() -> None:
    watched = Watched()
    assert watched.states(offer("read"), offer("write")) == []
    assert watched.ledger.holds(watched.compared([offer("read")]).by_id["files/read"])


def test_every_change_is_told_once_with_both_digests() -> None:
    watched = Watched()
    changed = offer("read", "changed")
    watched.see(offer("read"))
    (change,) = watched.see(changed)
    assert (change.state, change.approved, change.offered) == (DriftState.CHANGED, offer("read").pin, changed.pin)
    assert watched.states(changed) == []
    assert watched.states(offer("read", "changed again")) == [("read", DriftState.CHANGED)]
    assert watched.states(offer("read")) == [("read", DriftState.APPROVED)]
    assert watched.states(offer("read")) == []


def test_what_is_not_recorded_yet_is_told_again_and_not_held() -> None:
    watched = Watched()
    comparison = watched.compared([offer("read", "changed"), offer("write")])
    assert [change.tool for change in watched.ledger.changes(comparison)] == ["read"]
    assert [change.tool for change in watched.ledger.changes(comparison)] == ["read"]
    assert not watched.ledger.holds(comparison.by_id["files/read"])
    assert watched.ledger.holds(comparison.by_id["files/write"])


def test_what_is_approved_again_is_not_held_before_that_is_recorded() -> None:
    watched = Watched()
    watched.see(offer("read", "changed"))
    comparison = watched.compared([offer("read")])
    (change,) = watched.ledger.changes(comparison)
    assert not watched.ledger.holds(comparison.by_id["files/read"])
    watched.ledger.settle(change)
    assert watched.ledger.holds(comparison.by_id["files/read"])


def test_an_approved_tool_that_is_offered_no_more_is_told_and_an_unknown_one_forgotten() -> None:
    watched = Watched()
    assert watched.states(offer("read"), offer("other")) == [("other", DriftState.UNKNOWN)]
    assert watched.states() == [("read", DriftState.GONE)]
    assert watched.states() == []
    assert watched.states(offer("read")) == [("read", DriftState.APPROVED)]


def test_an_approved_tool_that_was_never_there_is_not_gone() -> None:
    assert Watched().states() == []


def test_another_catalog_is_compared_with_too() -> None:
    watched = Watched()
    changed = offer("read", "changed")
    watched.see(changed, offer("write"))
    watched.catalog = catalog("read")
    assert watched.states(changed, offer("write")) == [("write", DriftState.UNKNOWN)]
    watched.catalog = catalog("read", "write")
    assert watched.states(offer("read"), offer("write")) == [
        ("read", DriftState.APPROVED),
        ("write", DriftState.APPROVED),
    ]


def test_a_twin_is_told_with_the_tool_that_it_could_be_taken_for() -> None:
    (change,) = Watched().see(offer("READ"))
    assert (change.state, change.twin) == (DriftState.UNKNOWN, "files/read")


def test_a_tool_that_changes_all_the_time_is_given_up_until_there_is_another_catalog() -> None:
    watched = Watched()
    both = [offer("read"), offer("read", "other")]
    watched.see(both[0])
    states = [state for turn in range(10 * MAX_CHANGES) for _, state in watched.states(both[1 - turn % 2])]
    turns = [DriftState.CHANGED, DriftState.APPROVED] * (MAX_CHANGES // 2)
    assert states == [*turns, DriftState.UNSTABLE]
    standing = watched.compared([both[0]]).by_id["files/read"]
    assert not watched.ledger.holds(standing)
    assert watched.ledger.is_unstable(standing)
    watched.catalog = catalog("read", "write")
    assert watched.states(both[0]) == [("read", DriftState.APPROVED)]


def test_a_tool_that_comes_and_goes_all_the_time_fills_no_log() -> None:
    watched = Watched()
    watched.see(offer("read"))
    found = [change for _ in range(100) for change in (*watched.see(), *watched.see(offer("read")))]
    assert len(found) <= MAX_CHANGES + 1


def test_a_flood_of_unknown_tools_is_named_up_to_a_bound_and_then_counted() -> None:
    watched = Watched()
    flood = [offer(f"t{number}") for number in range(10_000)]
    found = watched.see(offer("read"), *flood)
    assert len(found) == MAX_NAMED + 1
    assert (found[-1].tool, found[-1].count) == (None, 10_000 - MAX_NAMED)
    assert watched.see(offer("read"), *flood) == []


def test_other_unknown_tools_each_time_fill_no_log() -> None:
    watched = Watched()
    found: list[Change] = []
    for turn in range(50):
        found += watched.see(*(offer(f"t{turn}-{number}") for number in range(200)))
    assert len(found) <= MAX_NAMED + 2
    assert watched.states(offer("read", "changed")) == [("read", DriftState.CHANGED)]
