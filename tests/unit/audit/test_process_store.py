"""The log's writer is a process: what it does is done, and when it is gone another one goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.location import open_reader
from pdp.audit.process_store import ProcessStore
from pdp.audit.query import Query
from pdp.audit.store import Announcement, Fault, Keeping, Kept, RecordUnfitError, StoreUnavailableError
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.sealed import Sealed, seal
from pdp.core.settings.decision_point import LogSettings
from tests.unit.audit.sample import HOSTILE, decision

DEADLINE = 30.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProcessStore]:
    with closing(ProcessStore(settings(), base=tmp_path)) as opened:
        yield opened


def settings(**changes: str) -> LogSettings:
    return LogSettings.model_validate({"url": "sqlite:///log.db"} | changes)


def sealed(*numbers: int, **changes: object) -> list[Sealed]:
    return [seal(decision(number, **changes)) for number in numbers]


def kept_in(folder: Path) -> list[int]:
    with closing(open_reader(settings(), base=folder)) as reader:
        return sorted(entry.decision.sequence for entry in reader.find(Query(limit=1000)))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_was_appended_is_there_and_said_as_the_store_says_it(store: ProcessStore, tmp_path: Path) -> None:
    assert store.append(sealed(1, 2)) == [Kept(Keeping.STORED)] * 2
    assert store.append(sealed(2)) == [Kept(Keeping.KNOWN)]
    assert store.append(sealed(2, tool="other")) == [Kept(Keeping.CONFLICT)]
    assert store.append(sealed(5)) == [Kept(Keeping.STORED, Fault.GAP)]
    store.announce([Announcement("gateway", "b1", 9, 1_790_000_000.0)])
    store.probe()
    assert kept_in(tmp_path) == [1, 2, 5]
    with closing(open_reader(settings(), base=tmp_path)) as reader:
        (run,) = reader.runs()
    assert (run.missing, run.behind) == (2, 4)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_goes_through_as_it_is(store: ProcessStore, tmp_path: Path, text: str) -> None:
    store.append(sealed(1, detail=text, tool=text, arguments={text: text}))
    with closing(open_reader(settings(), base=tmp_path)) as reader:
        (entry,) = reader.find(Query())
    assert (entry.decision.detail, entry.decision.arguments) == (text, {text: text})


def test_an_unfit_record_takes_none_with_it_and_the_process_goes_on(store: ProcessStore, tmp_path: Path) -> None:
    store.probe()
    before = store.pid
    with pytest.raises(RecordUnfitError):
        store.append(sealed(1) + sealed(0))
    with pytest.raises(RecordUnfitError):
        store.append([Sealed(decision(1), b'{"kind":"none of ours"}', "sha256:" + "0" * 64)])
    assert store.append(sealed(1)) == [Kept(Keeping.STORED)]
    assert store.pid == before
    assert kept_in(tmp_path) == [1]


def test_a_killed_process_is_replaced_and_what_is_repeated_is_known(store: ProcessStore, tmp_path: Path) -> None:
    store.append(sealed(1))
    first = store.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    with pytest.raises(StoreUnavailableError, match="has ended; another one is started"):
        store.append(sealed(1, 2))
    assert store.append(sealed(1, 2)) == [Kept(Keeping.KNOWN), Kept(Keeping.STORED)]
    assert store.pid not in {None, first}
    assert kept_in(tmp_path) == [1, 2]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_to_the_whole_group_do_not_end_it(store: ProcessStore, how: signal.Signals) -> None:
    store.probe()
    pid = store.pid
    assert pid is not None
    os.kill(pid, how)
    assert store.append(sealed(1)) == [Kept(Keeping.STORED)]
    assert store.pid == pid


def test_a_process_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdp.audit.process_store.PATIENCE", 0.0)
    tight = settings(connect_timeout="100ms", lock_timeout="100ms", statement_timeout="300ms")
    hanging = [sys.executable, "-c", "import time; time.sleep(600)"]
    with closing(ProcessStore(tight, base=tmp_path, command=hanging)) as store:
        with pytest.raises(StoreUnavailableError, match="has not answered for"):
            store.probe()
        assert store.pid is None


@pytest.mark.parametrize(
    "command",
    [
        ["/nowhere/python"],
        [sys.executable, "-c", "raise SystemExit(3)"],
        [sys.executable, "-c", "import os; os.write(0, b'x' * 8)"],
        [sys.executable, "-c", "import os; os.write(0, (2).to_bytes(8, 'big') + b'\\xc1\\xc1')"],
        [sys.executable, "-c", "import os; os.write(0, (5).to_bytes(8, 'big') + b'\\x81')"],
    ],
)
def test_a_process_that_is_none_of_ours_is_a_store_that_is_gone(tmp_path: Path, command: list[str]) -> None:
    with closing(ProcessStore(settings(), base=tmp_path, command=command)) as store:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                store.append(sealed(1))


def test_what_is_wrong_with_the_log_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("no database")
    with pytest.raises(UnusableError, match="cannot be opened"):
        ProcessStore(settings(), base=tmp_path)


def test_a_log_that_is_gone_comes_back(store: ProcessStore, tmp_path: Path) -> None:
    store.append(sealed(1))
    with closing(sqlite3.connect(tmp_path / "log.db")) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "log.db").rename(tmp_path / "moved.db")
    with pytest.raises(StoreUnavailableError):
        store.append(sealed(2))
    (tmp_path / "moved.db").rename(tmp_path / "log.db")
    assert store.append(sealed(2)) == [Kept(Keeping.STORED)]


def test_it_ends_when_it_is_closed_and_when_whoever_asks_is_killed(tmp_path: Path, root: Path) -> None:
    store = ProcessStore(settings(), base=tmp_path)
    store.probe()
    pid = store.pid
    assert pid is not None
    store.close()
    assert not is_alive(pid)
    asking = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from pdp.audit.process_store import ProcessStore
        from pdp.core.settings.decision_point import LogSettings
        store = ProcessStore(LogSettings(url="sqlite:///log.db"), base=Path({str(tmp_path)!r}))
        store.probe()
        print(store.pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", asking], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        writing = int(process.stdout.readline())
        process.kill()
    deadline = time.monotonic() + DEADLINE
    while is_alive(writing):
        assert time.monotonic() < deadline, "it goes on without anybody who asks"
        time.sleep(0.01)
