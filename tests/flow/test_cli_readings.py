"""Who reads the decision log is recorded in it, before anything is shown."""

import json
import os
import pwd
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pdp.audit.readings import ReadingQuery
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.core.contract.record import ReadingRecord
from tests.flow.pdp_process import TOOLGATE, toolgate_here
from tests.record_schema import VALIDATOR, plain
from tests.unit.audit.sample import decision, drift, put

CONFIG = "version: 1\npdp: {log: {url: sqlite:///log.db}}\n"
ME = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    with closing(SqliteStore(tmp_path / "log.db")) as store:
        put(store, [decision(1), decision(2), decision(3, principal="corp|bob"), drift(4)])
    return tmp_path


def readings(base: Path) -> list[ReadingRecord]:
    with closing(SqliteReader(base / "log.db")) as reader:
        found = reader.readings(ReadingQuery())
    for record in found:
        VALIDATOR.validate(plain(record))
    return found


@pytest.mark.parametrize(
    ("arguments", "command", "asked", "found"),
    [
        (("log", "tail", "-n", "2"), "log tail", {"lines": 2}, 2),
        (
            ("log", "query", "--principal", "alice", "--decision", "allow", "--tool", "git/git_log"),
            "log query",
            {"principal": "alice", "effect": "allow", "tool": "git/git_log", "limit": 100},
            2,
        ),
        (("log", "query", "--limit", "1"), "log query", {"limit": 1}, 1),
        (
            ("log", "query", "--since", "2026-07-28T09:00:00Z", "--reason", "revoked"),
            "log query",
            {"since": "2026-07-28T09:00:00.000Z", "reason_code": "revoked", "limit": 100},
            0,
        ),
        (("log", "drift", "--server", "git"), "log drift", {"server": "git", "limit": 100}, None),
        (("log", "readings", "--reader", "alice"), "log readings", {"reader": "alice", "limit": 100}, 0),
        (("diff", "--live", "--shadow", "sha256:1"), "diff --live", {"shadow": "sha256:1"}, 0),
    ],
)
def test_whoever_asks_is_recorded_with_the_question(
    base: Path, arguments: tuple[str, ...], command: str, asked: dict[str, Any], found: int | None
) -> None:
    ended = toolgate_here(base, *arguments)
    assert ended.returncode == 0, ended.stderr
    (reading,) = readings(base)
    assert reading.reader.partition(" (login ")[0] == ME
    assert (reading.writer, reading.sequence, reading.previous) == ("reader", 1, None)
    assert (reading.command, reading.asked) == (command, asked)
    assert found is None or reading.found == found


def test_readings_are_shown_and_that_is_a_reading(base: Path) -> None:
    toolgate_here(base, "log", "tail")
    toolgate_here(base, "log", "query", "--principal", "bob")
    table = toolgate_here(base, "log", "readings", "--reader", ME.partition("@")[0])
    assert [line.split()[2:4] for line in table.stdout.splitlines()[1:]] == [["log", "tail"], ["log", "query"]]
    lines = toolgate_here(base, "log", "readings", "--json", "--limit", "2")
    assert [json.loads(line)["command"] for line in lines.stdout.splitlines()] == ["log query", "log readings"]
    assert "newest 2 of more" in lines.stderr
    assert toolgate_here(base, "log", "readings", "--reader", "nobody").stderr == "no reading matches\n"
    assert len({reading.boot for reading in readings(base)}) == 5


def test_what_is_followed_is_one_reading(base: Path) -> None:
    command = [*TOOLGATE, "log", "tail", "--follow"]
    with subprocess.Popen(command, cwd=base, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        shown = [tail.stdout.readline() for _ in range(4)]
        with closing(SqliteStore(base / "log.db")) as store:
            put(store, [decision(5, principal="corp|carol")])
        assert "corp|carol" in tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=30) == 0
    assert len(shown) == 4
    (reading,) = readings(base)
    assert (reading.asked, reading.found) == ({"lines": 20, "follow": True}, None)


COMMANDS = [("log", "tail"), ("log", "query"), ("log", "drift"), ("log", "readings"), ("diff", "--live")]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_where_a_reading_cannot_be_recorded_nothing_is_shown(base: Path, arguments: tuple[str, ...]) -> None:
    spoil(base)
    ended = toolgate_here(base, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "who reads the log is recorded in it" in ended.stderr
    assert "--unsafe-unrecorded" in ended.stderr
    assert readings(base) == []


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_unsafely_it_is_read_all_the_same_and_that_is_said(base: Path, arguments: tuple[str, ...]) -> None:
    spoil(base)
    ended = toolgate_here(base, *arguments, "--unsafe-unrecorded")
    assert ended.returncode == 0
    assert "unsafe: this reading is not recorded: " in ended.stderr
    assert readings(base) == []


def test_the_unsafe_option_leaves_a_record_where_one_can_be_left(base: Path) -> None:
    ended = toolgate_here(base, "log", "tail", "--unsafe-unrecorded")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(readings(base)) == 1


def test_a_log_that_is_not_there_is_not_made_by_reading_it(tmp_path: Path) -> None:
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    assert toolgate_here(tmp_path, "log", "tail", "--unsafe-unrecorded").returncode == 2
    assert not (tmp_path / "log.db").exists()


def spoil(base: Path) -> None:
    """Have the database refuse every record, as a replica does."""
    with closing(SqliteStore(base / "log.db")) as store, store.frozen() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER replica BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'read-only replica'); END"
        )
