"""Whatever comes in whatever order, however often and in whatever batches: the log is as a model says."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.audit.store import Fault, Keeping, Kept, Run
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import Sealed, seal
from tests.unit.audit.sample import decision

BOOTS = ("b1", "b2")
LENGTH = 8


def chain(boot: str, *, detail: str | None = None) -> list[Sealed]:
    """One run of a writer; another `detail` makes one that contradicts it from its first record on."""
    found: list[Sealed] = []
    for number in range(1, LENGTH + 1):
        previous = found[-1].digest if found else None
        record: Record = decision(number, boot=boot, version=2, previous=previous, detail=detail)
        found.append(seal(record))
    return found


TRUE = {boot: chain(boot) for boot in BOOTS}
FALSE = {boot: chain(boot, detail="forged") for boot in BOOTS}
PICKED = st.tuples(st.sampled_from(BOOTS), st.integers(0, LENGTH - 1), st.booleans())


class Log(RuleBasedStateMachine):
    """The store beside a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "log.db"
        self.store = SqliteStore(self.path)
        self.kept: dict[tuple[str, int], Sealed] = {}
        self.conflicts: set[tuple[str, int, str]] = set()

    @rule(batch=st.lists(PICKED, max_size=12))
    def bring(self, batch: list[tuple[str, int, bool]]) -> None:
        records = [(FALSE if is_false else TRUE)[boot][index] for boot, index, is_false in batch]
        assert self.store.append(records) == [self._expected(one) for one in records]

    @rule(boot=st.sampled_from(BOOTS), start=st.integers(0, LENGTH - 1))
    def bring_the_rest(self, boot: str, start: int) -> None:
        records = TRUE[boot][start:]
        assert self.store.append(records) == [self._expected(one) for one in records]

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = SqliteStore(self.path)

    @precondition(lambda self: self.kept)
    @invariant()
    def runs_are_what_came(self) -> None:
        reader = SqliteReader(self.path)
        try:
            assert reader.runs() == [
                Run("gateway", boot, max(numbers), len(numbers))
                for boot in BOOTS
                if (numbers := [number for run, number in self.kept if run == boot])
            ]
            assert reader.conflicts() == len(self.conflicts)
        finally:
            reader.close()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def _expected(self, sealed: Sealed) -> Kept:
        boot, number = sealed.record.boot, sealed.record.sequence
        held = self.kept.get((boot, number))
        if held is not None:
            if held.digest == sealed.digest:
                return Kept(Keeping.KNOWN)
            self.conflicts.add((boot, number, sealed.digest))
            return Kept(Keeping.CONFLICT)
        numbers = [other for run, other in self.kept if run == boot]
        highest = max(numbers, default=0)
        before, after = self.kept.get((boot, number - 1)), self.kept.get((boot, number + 1))
        self.kept[boot, number] = sealed
        if number > highest + 1:
            return Kept(Keeping.STORED, Fault.GAP)
        is_linked = before is None or before.digest == sealed.record.previous
        is_named = after is None or after.record.previous == sealed.digest
        return Kept(Keeping.STORED, None if is_linked and is_named else Fault.UNLINKED)


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=40, stateful_step_count=12)


def test_the_two_chains_differ_everywhere() -> None:
    for boot in BOOTS:
        pairs = zip(TRUE[boot], FALSE[boot], strict=True)
        assert all(true.digest != false.digest for true, false in pairs)
    assert msgspec.structs.asdict(TRUE["b1"][0].record)["previous"] is None
