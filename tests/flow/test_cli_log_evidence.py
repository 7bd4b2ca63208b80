"""The log signed while a decision point runs, and what an auditor makes of it."""

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.pdp_process import DEADLINE, QUESTION, running, set_up, toolgate, toolgate_here

CHECKPOINTS = """\
  log:
    url: sqlite:///log.db
    checkpoints:
      key: keys/log.pem
      every: 5
      interval: 10h
      exports: [{folder: outside, leaves: true}]
"""


@pytest.fixture
def base(tmp_path: Path, root: Path) -> Path:
    set_up(tmp_path, root=root)
    config = tmp_path / "toolgate.yaml"
    text = config.read_text()
    config.write_text(text.replace('  log: {url: "sqlite:///log.db", mode: spooled}\n', CHECKPOINTS))
    assert config.read_text() != text
    assert toolgate_here(tmp_path, "bundle", "keygen", "keys/log.pem").returncode == 0
    return tmp_path


@pytest.fixture
def signed(base: Path) -> Path:
    """A log of 12 decisions: the running decision point signs all but four at most, a command the rest."""
    with running(base) as pdp:
        for _ in range(12):
            answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=QUESTION, timeout=30)
            assert answer.json()["decision"] is True
        ready = until(
            lambda: state(pdp.address), lambda found: found["records"] >= 8 and not found["exports"][0]["behind"]
        )
        assert (ready["refused"], ready["exports"][0]["target"]) == (None, "folder:outside")
        metrics = httpx.get(f"{pdp.address}/metrics", headers=pdp.key(), timeout=30).text
        assert f"toolgate_log_checkpoint {ready['number']}.0" in metrics
        assert 'toolgate_log_export_behind{target="folder:outside"} 0.0' in metrics
        assert pdp.stop() == 0
    done = toolgate_here(base, "log", "checkpoint")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"1 made; the newest is (\d+), over 12 records\nfolder:outside: has \1\n", done.stdout)
    return base


def state(address: str) -> Any:
    return httpx.get(f"{address}/readyz", timeout=30).json()["checkpoints"]


def until(look: Callable[[], Any], met: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while not met(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def newest(base: Path) -> int:
    with closing(sqlite3.connect(base / "log.db")) as connection:
        return int(connection.execute("SELECT max(number) FROM checkpoints").fetchone()[0])


def tamper(base: Path, statement: str) -> None:
    with closing(sqlite3.connect(base / "log.db")) as connection, connection:
        connection.execute(statement)


def test_a_log_is_signed_verified_and_what_was_done_to_it_is_named(signed: Path) -> None:
    ended = toolgate(signed, "log", "verify", "--checkpoint", "outside")
    assert ended.returncode == 0, ended.stderr
    last = newest(signed)
    assert ended.stdout == f"12 records and {last} checkpoints, {last} of them held outside: nothing is wrong\n"
    # (1) one field
    tamper(signed, "UPDATE records SET content = replace(content, 'allow', 'denyy') WHERE position = 4")
    ended = toolgate_here(signed, "log", "verify", "--trust", "keys/log.pub", "--json")
    assert ended.returncode == 1
    report = json.loads(ended.stdout)
    assert report["findings"][0]["code"] == "record_altered"
    assert report["findings"][0]["position"] == 4
    # (2) the end
    tamper(signed, f"DELETE FROM records WHERE position > (SELECT last FROM checkpoints WHERE number = {last - 1})")
    tamper(signed, f"DELETE FROM checkpoints WHERE number = {last}")
    ended = toolgate_here(signed, "log", "verify", "--checkpoint", "outside")
    assert ended.returncode == 1
    assert re.search(
        rf"log_truncated: the log ends at record \d+ and checkpoint {last - 1}; checkpoint {last} of ", ended.stdout
    )
    # (3) no further checkpoint over that
    ended = toolgate_here(signed, "log", "checkpoint")
    assert ended.returncode == 1
    assert (
        f"no checkpoint was made: the log ends at checkpoint {last - 1}, and had checkpoint {last} already"
        in ended.stderr
    )


def test_a_record_is_proven_to_somebody_who_has_only_the_key(
    signed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    identity = json.loads(toolgate_here(signed, "log", "tail", "--json").stdout.splitlines()[2])["id"]
    assert toolgate_here(signed, "log", "prove", identity, "-o", "proof.json").returncode == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("proof.json", "keys/log.pub"):
        (elsewhere / Path(name).name).write_bytes((signed / name).read_bytes())
    ended = toolgate_here(elsewhere, "log", "verify-proof", "proof.json", "--trust", "log.pub")
    assert ended.returncode == 0, ended.stderr
    assert identity in ended.stdout
    assert "is record 3 of the log" in ended.stdout
    as_json = toolgate_here(elsewhere, "log", "verify-proof", "proof.json", "--trust", "log.pub", "--json")
    assert json.loads(as_json.stdout)["record"]["id"] == identity
    held = str(signed / "outside")
    assert (
        toolgate_here(
            elsewhere, "log", "verify-proof", "proof.json", "--trust", "log.pub", "--checkpoint", held
        ).returncode
        == 0
    )
    (elsewhere / "proof.json").write_text((elsewhere / "proof.json").read_text().replace("alice", "mallo"))
    ended = toolgate_here(elsewhere, "log", "verify-proof", "proof.json", "--trust", "log.pub")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("this proves nothing: the record is not in the batch of checkpoint")


def test_nobody_is_trusted_unasked(signed: Path) -> None:
    url = f"sqlite:///{signed / 'log.db'}"
    ended = toolgate_here(signed, "log", "verify", "--log-url", url)
    assert ended.returncode == 2
    assert "--trust" in ended.stderr
    assert toolgate_here(signed, "log", "verify-proof", "toolgate.yaml").returncode == 2
    assert toolgate_here(signed, "bundle", "keygen", "keys/other.pem").returncode == 0
    ended = toolgate_here(signed, "log", "verify", "--log-url", url, "--trust", "keys/other.pub")
    assert ended.returncode == 1
    assert "checkpoint_untrusted" in ended.stdout


def test_what_cannot_run_says_why(base: Path) -> None:
    ended = toolgate_here(base, "log", "verify")
    assert ended.returncode == 2
    assert "there is no decision log" in ended.stderr
    (base / "keys" / "log.pem").chmod(0o644)
    ended = toolgate_here(base, "log", "checkpoint")
    assert ended.returncode == 2


def test_an_altered_record_is_not_signed_but_as_it_is_by_an_ugly_name(signed: Path) -> None:
    with running(signed) as pdp:
        answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=QUESTION, timeout=30)
        assert answer.json()["decision"] is True
        assert pdp.stop() == 0
    tamper(signed, "UPDATE records SET content = replace(content, 'allow', 'denyy') WHERE position = 13")
    ended = toolgate_here(signed, "log", "checkpoint")
    assert ended.returncode == 1
    assert "the record at position 13 has another content" in ended.stderr
    assert toolgate_here(signed, "log", "checkpoint", "--unsafe-as-is").returncode == 0
    report = json.loads(toolgate_here(signed, "log", "verify", "--json").stdout)
    assert {"record_altered", "batch_faulty"} <= set(report["counts"])
