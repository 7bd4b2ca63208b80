from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.query import Query
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.audit.store import Keeping, StoreUnavailableError
from pdp.core.contract.comparison_record import Answered
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change, Effect
from pdp.core.contract.sealed import seal
from tests.unit.audit.sample import HOSTILE, comparison, decision, difference, put

RECORDS = [
    comparison(1),
    comparison(2, shadow="sha256:fe", compared=0, different=0, changes={}, differences=[]),
    comparison(3, shadow="sha256:0f", detail="a note"),
    comparison(4, differences=[difference(4, change=Change.FAILED, shadow=None, failure="KeyError", actor=None)]),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "log.db")) as opened:
        yield opened


def found(tmp_path: Path, query: ComparisonQuery) -> list[int]:
    with closing(SqliteReader(tmp_path / "log.db")) as reader:
        return [record.sequence for record in reader.comparisons(query)]


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        (ComparisonQuery(), [1, 2, 3, 4]),
        (ComparisonQuery(shadow="sha256:ff"), [1, 4]),
        (ComparisonQuery(shadow="f"), [1, 2, 4]),
        (ComparisonQuery(shadow="sha256:f"), [1, 2, 4]),
        (ComparisonQuery(shadow="%"), []),
        (ComparisonQuery(shadow="f_"), []),
        (ComparisonQuery(since="2026-07-28T09:00:03.000Z"), [3, 4]),
        (ComparisonQuery(until="2026-07-28T09:00:03.000Z"), [1, 2]),
    ],
)
def test_comparisons_are_found_by_what_is_asked(
    store: SqliteStore, tmp_path: Path, query: ComparisonQuery, sequences: list[int]
) -> None:
    put(store, RECORDS)
    assert found(tmp_path, query) == sequences


def test_comparisons_come_back_as_they_were_given_and_are_no_decisions(store: SqliteStore, tmp_path: Path) -> None:
    put(store, [decision(9), *RECORDS])
    with closing(SqliteReader(tmp_path / "log.db")) as reader:
        assert list(reader.comparisons(ComparisonQuery())) == RECORDS
        assert [entry.decision for entry in reader.find(Query())] == [decision(9)]


def test_however_many_there_are_each_is_read_once(store: SqliteStore, tmp_path: Path) -> None:
    put(store, [comparison(n) for n in range(1, 252)])
    assert found(tmp_path, ComparisonQuery()) == list(range(1, 252))


def test_a_comparison_is_kept_once_and_contradicted_by_nothing(store: SqliteStore) -> None:
    own = decision(1, writer="pdp")
    assert put(store, [comparison(1), comparison(1), own]) == [Keeping.STORED, Keeping.KNOWN, Keeping.CONFLICT]
    assert put(store, [comparison(1, percent=100.0)]) == [Keeping.CONFLICT]


def test_hostile_names_are_kept_as_they_are(store: SqliteStore, tmp_path: Path) -> None:
    given = [
        comparison(
            number,
            bundle=text,
            detail=text,
            differences=[
                difference(
                    decision_id=text,
                    principal=text,
                    server=text,
                    tool=text,
                    active=Answered(Effect.ALLOW, ReasonCode.ALLOWED, [text]),
                )
            ],
        )
        for number, text in enumerate(HOSTILE, start=1)
    ]
    put(store, given)
    with closing(SqliteReader(tmp_path / "log.db")) as reader:
        assert list(reader.comparisons(ComparisonQuery())) == given


def test_a_row_that_is_no_comparison_is_told_and_not_guessed_at(store: SqliteStore, tmp_path: Path) -> None:
    put(store, [comparison(1)])
    with store.frozen() as connection:
        connection.exec_driver_sql("UPDATE records SET content = ?", (seal(decision(1)).content,))
    with pytest.raises(StoreUnavailableError, match="was altered"):
        found(tmp_path, ComparisonQuery())
