"""What every store of the decision log does when others write too, and when its database is not there."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pdp.audit.partitions import Month, create_partition, drop_partition, partitions
from pdp.audit.query import Query
from pdp.audit.sql_store import SqlStore
from pdp.audit.store import Keeping, Kept, StoreUnavailableError
from pdp.core.contract.errors import UnusableError
from tests.conftest import Require
from tests.contract.log_places import LogPlace, server_place
from tests.database_servers import (
    INSTALL,
    MariadbServer,
    PostgresServer,
    Server,
    mariadb_programs,
    postgresql_programs,
    running,
)
from tests.unit.audit.sample import decision, put, sealed

STORED, KNOWN = Keeping.STORED, Keeping.KNOWN
_DEADLINE = 60.0

SHIPPER = """
import sys
from pathlib import Path
from pdp.audit.location import open_store
from pdp.audit.store import Keeping, StoreUnavailableError
from pdp.core.settings.decision_point import LogSettings
from tests.unit.audit.sample import chained, decision

url, runs, count = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3])
store = open_store(LogSettings.model_validate({"url": url, "lock_timeout": "30s"}), base=Path())
chains = {run: chained([decision(number, boot=run) for number in range(1, count + 1)]) for run in runs}
print("ready", flush=True)
sys.stdin.readline()
stored = 0
for start in range(0, count, 7):
    batch = [record for run in runs for record in chains[run][start : start + 7]]
    kept = store.append(batch)
    stored += sum(one.keeping is Keeping.STORED for one in kept)
    assert all(one.fault is None and one.keeping is not Keeping.CONFLICT for one in kept), kept
    store.append(batch)
print(stored, flush=True)
"""


def test_two_processes_that_bring_the_same_records_keep_each_once(place: LogPlace, root: Path) -> None:
    with place.store():
        pass
    shippers = [
        subprocess.Popen(
            [sys.executable, "-c", SHIPPER, place.url, runs, "140"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for runs in ("b1,b2,b3", "b3,b2,b4,b1")
    ]
    try:
        for one in shippers:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in shippers:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.close()
        stored = []
        for one in shippers:
            assert one.stdout is not None
            stored.append(int(one.stdout.readline()))
            assert one.wait(_DEADLINE) == 0
    finally:
        for one in shippers:
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
    assert sum(stored) == 4 * 140
    assert place.execute("SELECT count(*) FROM records") == [(560,)]
    with place.reader() as reader:
        assert [(run.boot, run.sequence, run.records) for run in reader.runs()] == [
            (boot, 140, 140) for boot in ("b1", "b2", "b3", "b4")
        ]
        assert reader.conflicts() == 0


def test_a_new_log_is_made_once_however_many_begin_it(place: LogPlace, root: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pdp.audit.location import open_store;"
        "from pdp.core.settings.decision_point import LogSettings;"
        "open_store(LogSettings.model_validate({'url': sys.argv[1], 'lock_timeout': '30s'}), base=Path()).probe()"
    )
    makers = [subprocess.Popen([sys.executable, "-c", program, place.url], cwd=root) for _ in range(3)]
    assert [one.wait(_DEADLINE) for one in makers] == [0, 0, 0]
    assert place.execute("SELECT count(*), max(probes) FROM about") == [(1, 3)]


@pytest.fixture(params=["postgresql", "mariadb"])
def own_server(request: pytest.FixtureRequest, require: Require) -> Iterator[LogPlace]:
    """A log in a server of the test's own, to be stopped."""
    kind: type[Server] = PostgresServer if request.param == "postgresql" else MariadbServer
    programs = postgresql_programs() if request.param == "postgresql" else mariadb_programs()
    require(programs, reason=f"no {request.param} here: {INSTALL}")
    assert programs is not None
    with running(kind(programs)) as server:
        yield server_place(request.param, server)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_server_that_was_gone_for_a_while_is_used_again(own_server: LogPlace, how: signal.Signals) -> None:
    server = own_server.server
    assert server is not None
    with own_server.store() as store, own_server.reader() as reader:
        put(store, [decision(1)])
        server.stop(signal.SIGTERM if how is signal.SIGINT and own_server.kind == "mariadb" else how)
        for _ in range(3):
            with pytest.raises(StoreUnavailableError) as caught:
                put(store, [decision(2)])
            assert "p@ss" not in str(caught.value)
        with pytest.raises(StoreUnavailableError):
            store.probe()
        with pytest.raises(StoreUnavailableError):
            reader.find(Query())
        with pytest.raises(UnusableError, match="cannot be opened"), own_server.store():
            pass
        server.start()
        assert put(store, [decision(1), decision(2)]) == [KNOWN, STORED]
        assert [entry.decision.sequence for entry in reader.find(Query())] == [1, 2]


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(own_server: LogPlace) -> None:
    server = own_server.server
    assert server is not None
    with own_server.store(statement_timeout="1s", connect_timeout="2s") as store:
        put(store, [decision(1)])
        server.pause()
        try:
            with pytest.raises(StoreUnavailableError):
                put(store, [decision(2)])
            with pytest.raises(StoreUnavailableError):
                put(store, [decision(2)])
        finally:
            server.resume()
        until(lambda: is_kept(store))
        assert put(store, [decision(1), decision(2)]) == [KNOWN, KNOWN]


def is_kept(store: SqlStore) -> bool:
    try:
        put(store, [decision(2)])
    except StoreUnavailableError:
        return False
    return True


def test_a_connection_that_was_cut_is_replaced(own_server: LogPlace) -> None:
    server = own_server.server
    assert server is not None
    with own_server.store() as store:
        put(store, [decision(1)])
        if own_server.kind == "postgresql":
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'toolgate'")
        else:
            for process, *_ in server.execute(
                "SELECT id FROM information_schema.processlist WHERE db IS NOT NULL AND id <> CONNECTION_ID()"
            ):
                server.execute(f"KILL {process}")
        until(lambda: is_kept(store))
        assert put(store, [decision(2), decision(3)]) == [KNOWN, STORED]


def test_a_database_that_takes_no_writes_takes_nothing(place: LogPlace) -> None:
    with place.store() as store:
        put(store, [decision(1)])
        if place.kind == "sqlite":
            path = Path(place.url.removeprefix("sqlite:///"))
            path.rename(path.with_suffix(".old"))
        elif place.kind == "postgresql":
            place.execute("ALTER TABLE records RENAME TO elsewhere")
        else:
            place.execute("RENAME TABLE records TO elsewhere")
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                put(store, [decision(2)])
        if place.kind == "sqlite":
            path.with_suffix(".old").rename(path)
        elif place.kind == "postgresql":
            place.execute("ALTER TABLE elsewhere RENAME TO records")
        else:
            place.execute("RENAME TABLE elsewhere TO records")
        assert put(store, [decision(1), decision(2)]) == [KNOWN, STORED]


def test_a_full_disk_takes_nothing_and_harms_nothing(own_full_server: LogPlace) -> None:
    large = decision(2, detail="x" * 4_000_000)
    with own_full_server.store() as store:
        put(store, [decision(1)])
        with pytest.raises(StoreUnavailableError):
            for number in range(2, 40):
                put(store, [decision(number, detail="".join(map(chr, os.urandom(2_000_000))))])
    assert large.sequence == 2
    kept = len(own_full_server.find())
    assert own_full_server.execute("SELECT count(*) FROM records") == [(kept,)]


@pytest.fixture
def own_full_server(require: Require) -> Iterator[LogPlace]:
    """A log in a PostgreSQL server none of whose files may have more than some megabytes."""
    programs = postgresql_programs()
    require(programs, reason=f"no postgresql here: {INSTALL}")
    assert programs is not None
    with running(PostgresServer(programs)) as server:
        place = server_place("postgresql", server)
        with place.store():
            pass
        server.stop()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (24_000_000, hard))
        try:
            server.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        yield place


def test_records_are_partitioned_by_the_month_of_their_arrival(postgresql: Server) -> None:
    place = server_place("postgresql", postgresql)
    november = Month(2026, 11)
    with place.store() as opened:
        now = [november.next.start / 1000 - 0.5]
        store = SqlStore(opened._database, wall=lambda: now[0])
        assert put(store, [decision(1)]) == [STORED]
        now[0] += 1
        assert put(store, [decision(1), decision(2)]) == [KNOWN, STORED]
        assert store.append(sealed([decision(3)])) == [Kept(STORED)]
        with store.frozen() as connection:
            december = november.next
            assert {november, december, december.next} <= {one.month for one in partitions(connection)}
            drop_partition(connection, november)
            left = connection.exec_driver_sql("SELECT count(*), min(sequence) FROM records").one()
            assert tuple(left) == (2, 2)
            assert november not in {one.month for one in partitions(connection)}
            create_partition(connection, november)
        assert place.execute("SELECT sequence FROM records_2026_12 ORDER BY 1") == [(2,), (3,)]
        assert put(store, [decision(1)]) == [KNOWN], "all of its run came, so it was moved away"


def test_a_partition_that_somebody_dropped_is_made_again(postgresql: Server) -> None:
    place = server_place("postgresql", postgresql)
    with place.store() as store:
        put(store, [decision(1)])
        with store.frozen() as connection:
            for one in partitions(connection):
                drop_partition(connection, one.month)
        until(lambda: is_kept(store))
        assert place.execute("SELECT count(*) FROM records") == [(1,)]


@pytest.mark.parametrize(
    ("at", "month"),
    [(0, Month(1970, 1)), (1_798_761_599_999, Month(2026, 12)), (1_798_761_600_000, Month(2027, 1))],
)
def test_a_month_is_one_in_utc(at: int, month: Month) -> None:
    assert Month.of(at) == month
    assert month.start <= at < month.next.start
