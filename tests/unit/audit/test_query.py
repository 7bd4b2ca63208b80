from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.query import Order, Query
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.record_terms import Effect, Fate
from tests.unit.audit.sample import decision, outcome, put

DENIED = {"effect": Effect.DENY, "reason_code": ReasonCode.FORBIDDEN_BY_POLICY}

RECORDS = [
    decision(1),
    decision(2, principal="lab|alice", actor="corp|agent-7", **DENIED),
    decision(3, principal="corp|bob", tool="create_issue", server="github"),
    decision(4, principal="corp|auth0|carol", server="files", tool="git_log"),
    decision(5, principal=None, method="tools/list", server=None, tool=None, shown=["git/git_log"]),
    decision(6, principal="corp|Alice", tool="a/b", server="x"),
]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SqliteReader]:
    path = tmp_path / "log.db"
    with closing(SqliteStore(path)) as store:
        put(store, [*RECORDS, outcome(7, decision="d1"), outcome(8, decision="d1", fate=Fate.FAILED)])
        with closing(SqliteReader(path)) as opened:
            yield opened


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        (Query(), [1, 2, 3, 4, 5, 6]),
        (Query(principal="alice"), [1, 2]),
        (Query(principal="corp|alice"), [1]),
        (Query(principal="auth0|carol"), [4]),
        (Query(principal="carol"), []),
        (Query(principal="%"), []),
        (Query(principal=""), []),
        (Query(actor="agent-7"), [2]),
        (Query(actor="corp|agent-7"), [2]),
        (Query(actor="%"), []),
        (Query(actor="7"), []),
        (Query(effect=Effect.DENY), [2]),
        (Query(reason_code=ReasonCode.ALLOWED), [1, 3, 4, 5, 6]),
        (Query(tool="git_log"), [1, 2, 4]),
        (Query(tool="git/git_log"), [1, 2]),
        (Query(tool="a/b"), [6]),
        (Query(tool="x/a/b"), [6]),
        (Query(server="github"), [3]),
        (Query(method="tools/list"), [5]),
        (Query(since="2026-07-28T09:00:03.000Z"), [3, 4, 5, 6]),
        (Query(until="2026-07-28T09:00:03.000Z"), [1, 2]),
        (Query(since="2026-07-28T09:00:02.000Z", until="2026-07-28T09:00:04.000Z", principal="alice"), [2]),
        (Query(limit=2), [5, 6]),
        (Query(order=Order.ARRIVAL, limit=2), [5, 6]),
        (Query(after=2, limit=2), [3, 4]),
        (Query(after=6), []),
        (Query(principal="alice' OR 1=1 --"), []),
    ],
)
def test_a_question_is_answered_exactly(reader: SqliteReader, query: Query, sequences: list[int]) -> None:
    assert [entry.decision.sequence for entry in reader.find(query)] == sequences


def test_all_that_is_said_of_a_decision_comes_with_it(reader: SqliteReader) -> None:
    first, *rest = reader.find(Query())
    assert [fate.fate for fate in first.outcomes] == [Fate.ANSWERED, Fate.FAILED]
    assert not any(entry.outcomes for entry in rest)


def test_an_outcome_of_another_writer_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(SqliteStore(path)) as store:
        put(store, [decision(1), outcome(1, writer="mallory", decision="d1")])
    with closing(SqliteReader(path)) as reader:
        (entry,) = reader.find(Query())
    assert entry.outcomes == ()


def test_time_and_arrival_are_two_orders(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    late = [decision(n, time=f"2026-07-28T09:00:0{9 - n}.000Z") for n in range(1, 4)]
    with closing(SqliteStore(path)) as store:
        put(store, late)
    with closing(SqliteReader(path)) as reader:
        assert [entry.decision for entry in reader.find(Query())] == late[::-1]
        assert [entry.decision for entry in reader.find(Query(order=Order.ARRIVAL))] == late
        assert [entry.decision for entry in reader.find(Query(order=Order.ARRIVAL, limit=1))] == late[-1:]
        assert [entry.decision for entry in reader.find(Query(limit=1))] == late[:1]


def test_outcomes_are_found_for_more_decisions_than_one_statement_takes(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    many: list[DecisionRecord] = [decision(n) for n in range(1, 1202)]
    with closing(SqliteStore(path)) as store:
        put(store, [*many, *(outcome(5000 + n, decision=f"d{n}") for n in range(1, 1202))])
    with closing(SqliteReader(path)) as reader:
        found = reader.find(Query(limit=5000))
    assert len(found) == 1201
    assert all(len(entry.outcomes) == 1 for entry in found)
