"""`toolgate log`, as an auditor uses it."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pdp.audit.sqlite import SqliteStore
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect
from tests.flow.pdp_process import TOOLGATE, toolgate, toolgate_here
from tests.unit.audit.sample import decision, drift, outcome, put

CONFIG = "version: 1\npdp: {log: {url: sqlite:///log.db}}\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def store(base: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(base / "log.db")) as opened:
        yield opened


def ago(seconds: float) -> str:
    return rfc3339(time.time() - seconds)  # noqa: TID251 - the command asks the machine's clock too


def asked(base: Path, *arguments: str) -> list[dict[str, Any]]:
    ended = toolgate_here(base, "log", *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_alices_denials_of_the_last_hour(base: Path, store: SqliteStore) -> None:
    denied = {"effect": Effect.DENY, "reason_code": ReasonCode.FORBIDDEN_BY_POLICY}
    put(
        store,
        [
            decision(1, time=ago(7200), **denied),
            decision(2, time=ago(1800), **denied),
            decision(3, time=ago(1500), principal="corp|bob", **denied),
            decision(4, time=ago(1200)),
            outcome(5, decision="d4"),
            decision(6, time=ago(900), principal="lab|alice", **denied),
        ],
    )
    query = ("query", "--principal", "alice", "--decision", "deny", "--since", "1h")
    assert [entry["sequence"] for entry in asked(base, *query)] == [2, 6]
    table = toolgate(base, "log", *query)
    assert table.returncode == 0
    assert [line.split()[1:4] for line in table.stdout.splitlines()[1:]] == [
        ["deny", "forbidden_by_policy", "corp|alice"],
        ["deny", "forbidden_by_policy", "lab|alice"],
    ]
    assert [entry["sequence"] for entry in asked(base, "query", "--until", "1350s")] == [1, 2, 3]
    (allowed,) = asked(base, "query", "--decision", "allow")
    assert allowed["outcome"]["fate"] == "answered"
    assert asked(base, "query", "--reason", "revoked") == []


def test_the_newest_of_more_are_shown_and_it_is_said(base: Path, store: SqliteStore) -> None:
    put(store, [decision(n) for n in range(1, 51)])
    ended = toolgate_here(base, "log", "query", "--limit", "10", "--json")
    assert [json.loads(line)["sequence"] for line in ended.stdout.splitlines()] == list(range(41, 51))
    assert "newest 10 of more" in ended.stderr
    assert [entry["sequence"] for entry in asked(base, "tail")] == list(range(31, 51))
    assert [entry["sequence"] for entry in asked(base, "tail", "-n", "2")] == [49, 50]


def test_a_log_can_be_named_without_a_configuration(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "other.db")) as store:
        put(store, [decision(1)])
    assert len(asked(tmp_path, "query", "--log-url", "sqlite:///other.db")) == 1
    assert len(asked(tmp_path, "tail", "--log-url", f"sqlite:///{tmp_path}/other.db")) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("query",), "there is no decision log"),
        (("tail",), "there is no decision log"),
        (("query", "--log-url", "mysql://x/y"), "names no decision log"),
        (("query", "--config", "missing.yaml"), "missing.yaml"),
        (("query", "--since", "yesterday"), "--since"),
        (("query", "--until", "1 h"), "--until"),
        (("query", "--limit", "0"), "--limit"),
        (("query", "--decision", "maybe"), "--decision"),
        (("query", "--reason", "because"), "--reason"),
        (("tail", "-n", "0"), "-n"),
        (("drift",), "there is no decision log"),
        (("drift", "--state", "fine"), "--state"),
        (("drift", "--since", "yesterday"), "--since"),
    ],
)
def test_what_cannot_be_answered_says_why(base: Path, arguments: tuple[str, ...], why: str) -> None:
    ended = toolgate_here(base, "log", *arguments)
    assert (ended.returncode, ended.stdout, why in ended.stderr, "Traceback" in ended.stderr) == (2, "", True, False)
    assert not (base / "log.db").exists()


def test_nothing_found_is_no_failure(base: Path, store: SqliteStore) -> None:
    store.probe()
    ended = toolgate_here(base, "log", "query", "--principal", "nobody")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "no decision matches\n")


def test_an_altered_record_is_pointed_out(base: Path, store: SqliteStore) -> None:
    put(store, [decision(1), decision(1, principal="corp|mallory")])
    assert "1 records came under the number of another one" in toolgate_here(base, "log", "tail").stderr


def test_what_became_of_tools_in_the_last_hour(base: Path, store: SqliteStore) -> None:
    put(store, [drift(1, time=ago(7200)), drift(2, time=ago(1800)), drift(3, time=ago(900), server="files")])
    assert [record["sequence"] for record in asked(base, "drift", "--since", "1h")] == [2, 3]
    assert [record["sequence"] for record in asked(base, "drift", "--server", "git")] == [1, 2]
    newest = toolgate_here(base, "log", "drift", "--limit", "1")
    assert ("files/git_log" in newest.stdout, "newest 1 of more" in newest.stderr) == (True, True)
    nothing = toolgate_here(base, "log", "drift", "--state", "gone")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "no change of a tool matches\n")


@pytest.mark.parametrize("output", [(), ("--json",)])
def test_following_shows_what_comes_until_interrupted(base: Path, store: SqliteStore, output: tuple[str, ...]) -> None:
    put(store, [decision(1, tool="tool-1")])
    following = subprocess.Popen(
        [*TOOLGATE, "log", "tail", "--follow", *output], cwd=base, stdout=subprocess.PIPE, text=True
    )
    try:
        assert following.stdout is not None
        lines = iter(following.stdout.readline, "")
        next(line for line in lines if "tool-1" in line)
        for number in (2, 3):
            put(store, [decision(number, tool=f"tool-{number}")])
            assert f"tool-{number}" in next(lines)
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
    finally:
        following.kill()
        following.wait()
        if following.stdout is not None:
            following.stdout.close()
