from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.drift_query import DriftQuery
from pdp.audit.query import Query
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.audit.store import Keeping
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import Record
from pdp.core.contract.record_terms import DriftState
from tests.unit.audit.sample import HOSTILE, decision, drift, outcome, put

UNKNOWN = {"state": DriftState.UNKNOWN, "reason_code": ReasonCode.TOOL_UNKNOWN, "approved": None}
RECORDS = [
    drift(1),
    drift(2, server="files", tool="git_log"),
    drift(3, **UNKNOWN, tool="Git_Log", twin="git/git_log"),
    drift(4, **UNKNOWN, tool=None, offered=None, count=9000),
    drift(5, state=DriftState.APPROVED, reason_code=ReasonCode.ALLOWED),
    drift(6, **UNKNOWN, tool="a/b"),
]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SqliteReader]:
    path = tmp_path / "log.db"
    with closing(SqliteStore(path)) as store:
        put(store, [decision(7), *RECORDS, outcome(8, decision="d7")])
        with closing(SqliteReader(path)) as opened:
            yield opened


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        (DriftQuery(), [1, 2, 3, 4, 5, 6]),
        (DriftQuery(server="git"), [1, 3, 4, 5, 6]),
        (DriftQuery(tool="git_log"), [1, 2, 5]),
        (DriftQuery(tool="git/git_log"), [1, 5]),
        (DriftQuery(tool="git/a/b"), [6]),
        (DriftQuery(tool="a/b"), [6]),
        (DriftQuery(tool="%"), []),
        (DriftQuery(state=DriftState.UNKNOWN), [3, 4, 6]),
        (DriftQuery(state=DriftState.GONE), []),
        (DriftQuery(since="2026-07-28T09:00:03.000Z"), [3, 4, 5, 6]),
        (DriftQuery(until="2026-07-28T09:00:03.000Z"), [1, 2]),
        (DriftQuery(limit=2), [5, 6]),
        (DriftQuery(server="git", state=DriftState.CHANGED), [1]),
    ],
)
def test_changes_are_found_by_what_is_asked(reader: SqliteReader, query: DriftQuery, sequences: list[int]) -> None:
    assert [record.sequence for record in reader.drifts(query)] == sequences


def test_changes_come_back_as_they_were_given_and_are_no_decisions(reader: SqliteReader) -> None:
    assert reader.drifts(DriftQuery()) == RECORDS
    assert [entry.decision for entry in reader.find(Query())] == [decision(7)]


def test_a_number_is_taken_whatever_kind_of_record_has_it(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "log.db")) as store:
        given: list[Record] = [drift(1), drift(1), decision(1), drift(2)]
        kept = [Keeping.STORED, Keeping.KNOWN, Keeping.CONFLICT, Keeping.STORED]
        assert put(store, given) == kept
        assert put(store, [drift(2, tool="other"), drift(2)]) == [Keeping.CONFLICT, Keeping.KNOWN]


def test_hostile_names_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    given = [drift(n + 1, server=text or "s", tool=text, twin=text, detail=text) for n, text in enumerate(HOSTILE)]
    with closing(SqliteStore(path)) as store:
        put(store, given)
        with closing(SqliteReader(path)) as reader:
            assert reader.drifts(DriftQuery()) == given
