import os
import resource
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pdp.audit.query import Entry, Query
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.audit.store import Keeping, RecordUnfitError, StoreUnavailableError
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record import DecisionRecord, Record
from tests.unit.audit.sample import HOSTILE, decision, outcome, put

STORED, KNOWN, CONFLICT = Keeping.STORED, Keeping.KNOWN, Keeping.CONFLICT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log #1?.db"


@contextmanager
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, busy_timeout=0.05)) as opened:
        yield opened


def read(path: Path, query: Query | None = None) -> list[Entry]:
    with closing(SqliteReader(path)) as reader:
        return reader.find(query or Query())


def raw(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_records_come_back_as_they_were_given(path: Path) -> None:
    with store(path) as log:
        assert (
            put(log, [decision(1), outcome(2), decision(3, principal=None, groups=[], arguments=None)]) == [STORED] * 3
        )
        found = read(path)
    assert [entry.decision for entry in found] == [decision(1), decision(3, principal=None, groups=[], arguments=None)]
    assert [entry.outcomes for entry in found] == [(outcome(2),), ()]
    assert canonical(found[0].decision.arguments) == canonical(decision(1).arguments), "`1` and `1.0` stay apart"


def test_hostile_content_is_kept_as_it_is(path: Path) -> None:
    given = [
        decision(
            n + 1,
            principal=f"corp|{text}",
            tool=text,
            server=text,
            session=text,
            detail=text,
            groups=[text],
            policies=[text],
            arguments={text: [text]},
            request_id=text,
        )
        for n, text in enumerate(HOSTILE)
    ]
    with store(path) as log:
        put(log, given)
        assert [entry.decision for entry in read(path)] == given
        for text, record in zip(HOSTILE, given, strict=True):
            if text:
                assert [entry.decision for entry in read(path, Query(principal=text))] == [record]


def test_the_files_are_their_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with store(path) as log:
            put(log, [decision()])
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys([path.name, f"{path.name}-shm", f"{path.name}-wal"], 0o600)


def test_every_commit_waits_for_the_disk(path: Path) -> None:
    with store(path) as log, log.frozen() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_the_same_record_again_is_known_and_kept_once(path: Path) -> None:
    with store(path) as log:
        assert put(log, [decision(1), decision(1), outcome(2)]) == [STORED, KNOWN, STORED]
        assert put(log, [decision(1), outcome(2), decision(3)]) == [KNOWN, KNOWN, STORED]
    with store(path) as log:
        assert put(log, [decision(3)]) == [KNOWN]
    assert raw(path, "SELECT kind, count(*) FROM records GROUP BY kind") == [("decision", 2), ("outcome", 1)]


def test_a_record_with_another_content_under_the_same_number_is_kept_beside(path: Path) -> None:
    altered = decision(1, principal="corp|mallory")
    with store(path) as log:
        assert put(log, [decision(1), altered]) == [STORED, CONFLICT]
        assert put(log, [altered, decision(1)]) == [CONFLICT, KNOWN]
        assert put(log, [outcome(1)]) == [CONFLICT], "decisions and outcomes share their numbers"
        with closing(SqliteReader(path)) as reader:
            assert reader.conflicts() == 2
            assert [entry.decision for entry in reader.find(Query())] == [decision(1)]
    (content,) = raw(path, "SELECT content FROM conflicts ORDER BY position LIMIT 1")[0]
    assert msgspec.json.decode(content, type=DecisionRecord) == altered


def test_writers_and_boots_count_for_themselves(path: Path) -> None:
    records = [decision(1), decision(1, boot="b2"), decision(1, writer="other")]
    with store(path) as log:
        assert put(log, records) == [STORED] * 3


@pytest.mark.parametrize(
    "unfit",
    [
        decision(2**63),
        decision(0),
        decision(2, time="2026-02-31T09:00:00.000Z"),
        decision(2, time="soon"),
        decision(2, writer=""),
        decision(2, writer="x" * 257),
        decision(2, boot="nul\0inside"),
        outcome(2, time=""),
    ],
)
def test_a_record_that_cannot_be_stored_is_told_apart_from_a_store_that_cannot(path: Path, unfit: Record) -> None:
    with store(path) as log:
        with pytest.raises(RecordUnfitError) as caught:
            put(log, [decision(1), unfit])
        assert put(log, [decision(1)]) == [STORED], "the transaction of the bad one is gone"
    assert "corp|alice" not in str(caught.value)


def test_a_locked_database_takes_nothing_until_it_is_free(path: Path) -> None:
    with store(path) as log, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            put(log, [decision(1)])
        with pytest.raises(StoreUnavailableError, match="locked"):
            log.probe()
        other.execute("ROLLBACK")
        assert put(log, [decision(1)]) == [STORED]


def test_a_full_disk_takes_nothing_and_harms_nothing(path: Path) -> None:
    large = decision(2, detail="x" * 1_000_000)
    with store(path) as log:
        put(log, [decision(1)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(StoreUnavailableError):
                put(log, [large])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert put(log, [large]) == [STORED]
    assert [entry.decision for entry in read(path)] == [decision(1), large]
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("act", ["removed", "moved", "replaced"])
def test_a_log_that_is_taken_away_takes_no_more_records(path: Path, act: str) -> None:
    with store(path) as log:
        put(log, [decision(1)])
        if act == "removed":
            path.unlink()
        else:
            path.rename(path.with_suffix(".old"))
        if act == "replaced":
            path.touch()
        with pytest.raises(StoreUnavailableError):
            put(log, [decision(2)])
        with pytest.raises(StoreUnavailableError):
            log.probe()


def test_a_removed_write_ahead_log_is_noticed(path: Path) -> None:
    with store(path) as log:
        put(log, [decision(1)])
        path.with_name(f"{path.name}-wal").unlink()
        with pytest.raises(StoreUnavailableError):
            put(log, [decision(2)])


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A directory, in which this process has no rights but those of everybody."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        SqliteStore(Path(name) / "log.db").close()
        (Path(name) / "log.db").chmod(0o444)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


def test_a_read_only_database_is_refused_at_the_start(as_nobody: Path) -> None:
    with pytest.raises(UnusableError, match="cannot be opened"):
        SqliteStore(as_nobody / "log.db")
    if os.geteuid() != os.getuid():
        with pytest.raises(UnusableError, match="cannot be opened"):
            SqliteStore(as_nobody / "new.db")


def test_a_probe_is_a_write(path: Path) -> None:
    with store(path) as log:
        log.probe()
        log.probe()
        assert raw(path, "SELECT probes FROM about") == [(2,)]


def test_only_a_decision_log_of_this_version_is_opened(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "newer.db").close()
    raw(tmp_path / "newer.db", "PRAGMA user_version = 99")
    raw(tmp_path / "foreign.db", "CREATE TABLE t (x)")
    (tmp_path / "text.db").write_text("no database" * 1000)
    (tmp_path / "folder.db").mkdir()
    for name, why in (
        ("newer", "version 99"),
        ("foreign", "no decision log"),
        ("text", "opened"),
        ("folder", "opened"),
    ):
        for open_ in (SqliteStore, SqliteReader):
            with pytest.raises(UnusableError, match=why):
                open_(tmp_path / f"{name}.db")


def test_a_log_that_is_not_there_is_said_to_be_absent(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="there is no decision log"):
        SqliteReader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write_and_says_when_it_cannot_read(path: Path) -> None:
    with store(path) as log, closing(SqliteReader(path)) as reader:
        put(log, [decision()])
        with pytest.raises(sqlite3.OperationalError, match="readonly"), reader.reading() as connection:
            connection.connection.cursor().execute("DELETE FROM records")
    raw(path, "DROP TABLE records")
    with closing(SqliteReader(path)) as reader, pytest.raises(StoreUnavailableError):
        reader.find(Query())


@pytest.mark.parametrize(
    "change",
    [
        "content = CAST(replace(CAST(content AS TEXT), 'alice', 'mallory') AS BLOB)",
        "content = x'7b7d'",
        "content = x'00ff'",
        "content = 7",
        "digest = x'00'",
    ],
)
def test_a_record_that_was_altered_is_told_and_not_shown(path: Path, change: str) -> None:
    with store(path) as log:
        put(log, [decision(1), decision(2)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE records SET {change} WHERE sequence = 2")
    with pytest.raises(StoreUnavailableError, match="toolgate log verify"):
        read(path)
    assert [entry.decision for entry in read(path, Query(until="2026-07-28T09:00:02.000Z"))] == [decision(1)]
