"""`toolgate log writers`: who writes the log, and what has not come."""

import json
from contextlib import closing
from pathlib import Path

from pdp.audit.sqlite import SqliteStore
from pdp.audit.store import Announcement
from tests.flow.pdp_process import toolgate_here
from tests.unit.audit.sample import decision, put

URL = ("--log-url", "sqlite:///log.db")


def test_a_complete_log_has_a_line_for_each_run_and_no_fault(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "log.db")) as store:
        put(store, [decision(1, boot="a"), decision(2, boot="a"), decision(1, boot="b")])
        store.announce([Announcement("gateway", "a", 5, 1_785_229_200.0)])
    done = toolgate_here(tmp_path, "log", "writers", "--json", *URL)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["writer"], first["boot"], first["sequence"], first["missing"], first["behind"]) == (
        "gateway",
        "a",
        2,
        0,
        3,
    )
    assert (first["heard"], second["heard"]) == ("2026-07-28T09:00:00.000Z", None)


def test_missing_records_are_counted_and_end_with_1(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "log.db")) as store:
        put(store, [decision(1, boot="a"), decision(9, boot="a")])
    done = toolgate_here(tmp_path, "log", "writers", *URL)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].split()[:5] == ["gateway", "a", "9", "7", "0"]
    assert "records are missing" in done.stderr


def test_a_log_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    assert toolgate_here(tmp_path, "log", "writers", *URL).returncode == 2
