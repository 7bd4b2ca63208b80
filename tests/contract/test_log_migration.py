"""A log of version 4 becomes one of this version: every record, unchanged, or nothing at all."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from pdp.audit.location import migrate_log, open_reader, open_store
from pdp.audit.migrate import DIRECTORY, Converted
from pdp.audit.migrations import version_4
from pdp.audit.query import Query
from pdp.audit.sql_store import SqlReader
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.audit.store import Keeping, Kept, Run
from pdp.audit.tables import metadata
from pdp.audit.versions import HEAD, VERSION_TABLE
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import sealed_json
from pdp.core.settings.decision_point import LogSettings
from pdp.database.address import ServerAddress, address_of
from pdp.database.server_engine import Timeouts, open_server_engine
from pdp.database.sqlite_file import Access, open_engine
from tests.contract.log_places import LogPlace
from tests.contract.version_4 import append_as_version_4, made_by_version_4, members_of, restore
from tests.database_servers import Server
from tests.flow.pdp_process import toolgate, toolgate_here
from tests.unit.audit.sample import decision, outcome, put

STORED, KNOWN = Keeping.STORED, Keeping.KNOWN


def settings(path: Path) -> LogSettings:
    return LogSettings(url=f"sqlite:///{path}")


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def old_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and columns of every record that the program of version 4 kept."""
    for table, found in made_by_version_4()["rows"].items():
        if table not in {"conflicts", "probes"}:
            for values in found["values"]:
                yield table.removesuffix("s"), dict(zip(found["columns"], values, strict=True))


def test_the_program_knows_the_newest_revision_and_its_tables_are_the_migrations(place: LogPlace) -> None:
    assert ScriptDirectory(str(DIRECTORY)).get_heads() == [HEAD]
    with place.store() as store, store.frozen() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "include_name": lambda name, kind, _: named(name, kind)}
        )
        found = [one for one in compare_metadata(context, metadata) if not is_about_kinds(one)]
    assert found == []


def named(name: str | None, kind: str) -> bool:
    """Partitions are no tables of ours to compare."""
    return kind != "table" or (name or "") in metadata.tables


def is_about_kinds(difference: Any) -> bool:
    """Whether it is only that a database has another type for the same values."""
    return isinstance(difference, list) and all(one[0].startswith("modify_") for one in difference)


def test_every_record_of_version_4_is_kept_with_the_bytes_that_its_digest_was_made_of(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    restore(path)
    told: list[tuple[int, int]] = []
    before, converted = migrate_log(
        settings(path), base=tmp_path, progress=lambda one: told.append((one.done, one.total))
    )
    expected = list(old_rows())
    assert (before, converted) == ("0004", Converted(total=len(expected), done=len(expected), altered=0, conflicts=2))
    assert told == [(len(expected), len(expected))]
    kept = {
        (writer, boot, sequence): (kind, bytes(content), bytes(digest))
        for writer, boot, sequence, kind, content, digest in rows(
            path, "SELECT writer, boot, r.sequence, kind, content, r.digest FROM records r JOIN runs USING (run)"
        )
    }
    assert len(kept) == len(expected)
    for kind, row in expected:
        found_kind, content, digest = kept[row["writer"], row["boot"], row["sequence"]]
        assert (found_kind, f"sha256:{digest.hex()}") == (kind, row["content_digest"])
        assert sha256(content).digest() == digest
    with closing(SqliteReader(path)) as reader:
        assert reader.conflicts() == 2
        runs = reader.runs()
        found = reader.find(Query(limit=1000))
    assert runs == sorted(runs, key=lambda run: (run.writer, run.boot))
    assert Run("other", "b0", 6, 1) in runs
    assert [entry.decision for entry in found if entry.decision.id == "d1"] == [decision(1)]
    assert {fate.id for entry in found if entry.decision.id == "d1" for fate in entry.outcomes} == {"o2", "o5"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_converted_is_known_when_it_comes_again_as_it_was_then(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    restore(path)
    migrate_log(settings(path), base=tmp_path)
    with closing(SqliteStore(path)) as store:
        assert store.append([sealed_json(members_of(decision(1)))]) == [Kept(KNOWN)]
        assert store.append([sealed_json(members_of(decision(1, principal="corp|eve")))])[0].keeping == "conflict"
        assert put(store, [decision(1, boot="new")]) == [STORED]
    assert rows(path, "SELECT max(position) = count(*) FROM records") == [(1,)]


def test_a_record_that_was_altered_before_stays_one_that_does_not_match(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    restore(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE decisions SET principal = 'corp|mallory' WHERE id = 'd1'")
        connection.execute("UPDATE decisions SET effect = 'maybe', time = 'soon', content_digest = 'x' WHERE id = 'd4'")
        connection.execute("UPDATE outcomes SET writer = 'x' WHERE id = 'o2'")
        connection.execute("DELETE FROM decisions WHERE writer = 'other'")
    _, converted = migrate_log(settings(path), base=tmp_path)
    assert converted.altered == 3
    altered = [row for row in rows(path, "SELECT digest, content FROM records") if sha256(row[1]).digest() != row[0]]
    assert len(altered) == 3


def test_the_command_converts_and_says_what_it_did(tmp_path: Path) -> None:
    restore(tmp_path / "log.db")
    (tmp_path / "toolgate.yaml").write_text("version: 1\npdp: {log: {url: sqlite:///log.db}}\n")
    refused = toolgate_here(tmp_path, "log", "tail")
    assert (refused.returncode, "toolgate log migrate --log-url sqlite:///log.db" in refused.stderr) == (2, True)
    done = toolgate(tmp_path, "log", "migrate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("`log.db` had version 4, it has version 5 now: 19 records and 2 conflicts were converted\n")
    again = toolgate_here(tmp_path, "log", "migrate", "--log-url", "sqlite:///log.db")
    assert (again.returncode, again.stdout) == (0, "`log.db` has version 5 already\n")
    shown = toolgate_here(tmp_path, "log", "query", "--principal", "alice", "--limit", "1000")
    assert (shown.returncode, "corp|alice" in shown.stdout) == (0, True)


@pytest.mark.parametrize(("version", "why"), [(3, "keep it for the program"), (6, "newer Toolgate")])
def test_what_cannot_be_converted_is_left_as_it_is(tmp_path: Path, version: int, why: str) -> None:
    path = tmp_path / "log.db"
    restore(path)
    rows(path, f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(UnusableError, match=why):
        migrate_log(settings(path), base=tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert rows(path, "SELECT count(*) FROM decisions") == [(15,)]
    assert len(path.read_bytes()) == len(before)


def large(path: Path, count: int) -> list[Record]:
    restore(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM conflicts")
        connection.commit()
    records: list[Record] = [
        decision(number, writer="big") if number % 2 else outcome(number, writer="big", decision=f"d{number - 1}")
        for number in range(1, count + 1)
    ]
    engine = open_engine(path, Access.WRITE)
    with engine.begin() as connection:
        append_as_version_4(connection, records)
    engine.dispose()
    return records


MIGRATOR = """
import sys
from pathlib import Path
from pdp.audit.location import migrate_log
from pdp.core.settings.decision_point import LogSettings

def told(converted):
    print(converted.done, flush=True)

migrate_log(LogSettings(url=sys.argv[1]), base=Path(), progress=told)
print("committed", flush=True)
"""


def migrating(root: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MIGRATOR, url], cwd=root, stdout=subprocess.PIPE, text=True)


def kill_after(process: subprocess.Popen[str], lines: int) -> list[str]:
    """Kill it when it has told so often how far it is."""
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return told


@pytest.mark.parametrize("lines", [1, 4])
def test_a_conversion_that_is_killed_leaves_the_old_log_and_can_be_done_again(
    tmp_path: Path, root: Path, lines: int
) -> None:
    path = tmp_path / "log.db"
    records = large(path, 4000)
    assert "committed\n" not in kill_after(migrating(root, f"sqlite:///{path}"), lines)
    assert rows(path, "PRAGMA user_version") == [(4,)]
    assert rows(path, "SELECT count(*) FROM decisions WHERE writer = 'big'") == [(2000,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    migrate_log(settings(path), base=tmp_path)
    with closing(SqliteReader(path)) as reader:
        assert Run("big", "b1", 4000, 4000) in reader.runs()
    contents = rows(path, "SELECT content FROM records JOIN runs USING (run) WHERE writer = 'big' ORDER BY position")
    assert sorted(bytes(content) for (content,) in contents) == sorted(canonical(members_of(one)) for one in records)


WRITER = """
import sys, time
from pathlib import Path
from pdp.audit.migrations import version_4
from pdp.audit.sqlite import SqliteStore
from pdp.audit.store import Keeping, StoreUnavailableError
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.sealed import sealed_json
from pdp.database.sqlite_file import Access, open_engine
from sqlalchemy import exc
from tests.contract.version_4 import append_as_version_4, members_of
from tests.unit.audit.sample import decision

path, writer, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
number, known = 1, 0
# The old program: it writes until its tables are gone.
engine = open_engine(path, Access.WRITE, busy_timeout=0.2)
while number <= count:
    try:
        with engine.begin() as connection:
            append_as_version_4(connection, [decision(number, writer=writer)])
    except exc.OperationalError as error:
        if "no such table" in str(error):
            break
        continue
    if number == 1:
        print("began", flush=True)
    number += 1
engine.dispose()
was = number - 1
# The new one brings the last ones again, as a spool would, and goes on.
number = max(1, number - 5)
store = None
while number <= count + was:
    try:
        store = store or SqliteStore(path, busy_timeout=0.2)
        (kept,) = store.append([sealed_json(members_of(decision(number, writer=writer)))])
    except (UnusableError, StoreUnavailableError):
        continue
    assert kept.keeping is (Keeping.KNOWN if number <= was else Keeping.STORED), (number, was, kept)
    number += 1
store.close()
print("done", was, number - 1, flush=True)
"""


def test_writers_that_go_on_while_their_log_is_converted_lose_and_double_nothing(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "log.db"
    large(path, 1500)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"w{number}", "100000"],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    try:
        for one in writers:
            assert one.stdout is not None
            assert one.stdout.readline() == "began\n"
        migrate_log(LogSettings.model_validate({"url": f"sqlite:///{path}", "lock_timeout": "60s"}), base=tmp_path)
        wait_for_more(path, writers)
    finally:
        for one in writers:
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
    with closing(SqliteReader(path)) as reader:
        found = {run.writer: run for run in reader.runs()}
        assert reader.conflicts() == 0
    assert [found[f"w{number}"].missing for number in range(2)] == [0, 0]
    doubled = rows(path, "SELECT run, sequence FROM records GROUP BY run, sequence HAVING count(*) > 1")
    assert doubled == []


def wait_for_more(path: Path, writers: list[subprocess.Popen[str]]) -> None:
    """Until both writers have records in the new log that were not in the old one."""
    with closing(SqliteReader(path)) as reader:
        before = {run.writer: run.records for run in reader.runs()}
        while True:
            now = {run.writer: run.records for run in reader.runs()}
            if all(now[name] > before[name] + 20 for name in ("w0", "w1")):
                return
            assert all(one.poll() is None for one in writers)


@pytest.fixture
def old_postgresql(postgresql: Server) -> LogPlace:
    """A database with tables of version 4, as revision 0004 makes them."""
    place = LogPlace("postgresql", postgresql.database(), postgresql)
    address = address_of(place.url, base=Path())
    assert isinstance(address, ServerAddress)
    engine = open_server_engine(address, Timeouts(), used_by="the test")
    with engine.begin() as connection:
        version_4.metadata.create_all(connection)
        connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num varchar(32) PRIMARY KEY)"))
        connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES ('0004')"))
        last, first = "2026-01-31T23:59:59.999Z", "2026-02-01T00:00:00.000Z"
        old: list[Record] = [decision(1, time=last), outcome(2, time=first), decision(3)]
        many = [decision(number, writer="many") for number in range(1, 2001)]
        append_as_version_4(connection, [*old, *many])
    engine.dispose()
    return place


def test_a_log_of_version_4_in_postgresql_is_converted_too(old_postgresql: LogPlace, root: Path) -> None:
    log = LogSettings(url=old_postgresql.url)
    with pytest.raises(UnusableError, match="version 5: `toolgate log migrate` converts it"):
        open_reader(log, base=Path())
    assert "committed\n" not in kill_after(migrating(root, log.url), 1)
    assert old_postgresql.execute("SELECT count(*) FROM decisions") == [(2002,)]
    before, converted = migrate_log(log, base=Path())
    assert (before, converted) == ("0004", Converted(total=2003, done=2003))
    with closing(open_reader(log, base=Path())) as reader:
        assert_is_converted(reader)
    with closing(open_store(log, base=Path())) as store:
        assert store.append([sealed_json(members_of(decision(3)))]) == [Kept(KNOWN)]
        assert put(store, [decision(4)]) == [STORED]
    names = [name for (name,) in old_postgresql.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert {"records_2026_01", "records_2026_02", "records_2026_07"} <= set(names)
    assert not {"decisions", "outcomes", "drifts", "comparisons", "probes", "conflicts_4"} & set(names)


def assert_is_converted(reader: SqlReader) -> None:
    assert reader.runs() == [Run("gateway", "b1", 3, 3), Run("many", "b1", 2000, 2000)]
    first, second = [entry for entry in reader.find(Query(limit=5000)) if entry.decision.writer == "gateway"]
    assert msgspec.structs.replace(first.decision, time=decision(1).time) == decision(1)
    assert (second.decision, [fate.id for fate in first.outcomes]) == (decision(3), ["o2"])


def test_a_file_of_another_program_is_never_converted(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    rows(path, "CREATE TABLE decisions (x)")
    rows(path, "PRAGMA user_version = 4")
    with pytest.raises(UnusableError, match="no decision log"):
        migrate_log(settings(path), base=tmp_path)
