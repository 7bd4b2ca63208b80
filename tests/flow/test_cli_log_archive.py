"""`toolgate log archive` and `verify-archives` with a log that `toolgate serve` has written."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from tests.flow.pdp_process import QUESTION, running, set_up, toolgate_here


@pytest.fixture
def signed_log(tmp_path: Path, root: Path) -> Path:
    """A configuration whose log has a dozen decisions under one checkpoint."""
    set_up(tmp_path, root=root)
    (tmp_path / "keys").mkdir(mode=0o700)
    assert toolgate_here(tmp_path, "bundle", "keygen", "keys/log.pem").returncode == 0
    config = tmp_path / "toolgate.yaml"
    config.write_text(config.read_text().replace("mode: spooled}", "mode: spooled, checkpoints: {key: keys/log.pem}}"))
    with running(tmp_path) as pdp:
        for _ in range(12):
            answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=QUESTION)
            assert answer.json()["decision"] is True
        assert pdp.stop() == 0
    done = toolgate_here(tmp_path, "log", "checkpoint")
    assert done.returncode == 0, done.stderr
    (tmp_path / "archives").mkdir(mode=0o700)
    return tmp_path


def test_what_is_old_is_moved_and_verified(signed_log: Path) -> None:
    planned = toolgate_here(signed_log, "log", "archive", "--older-than", "1ms", "--to", "archives", "--dry-run")
    assert (planned.returncode, list((signed_log / "archives").iterdir())) == (0, [])
    assert planned.stdout.startswith("12 records, checkpoints 1 to ")
    moved = toolgate_here(signed_log, "log", "archive", "--older-than", "1ms", "--to", "archives", "--json")
    assert moved.returncode == 0, moved.stderr
    made = json.loads(moved.stdout)
    assert made["records"] == 12
    table = pq.read_table(signed_log / made["archive"], filters=[("kind", "=", "decision")])
    assert table.column("principal").to_pylist() == ["dev|alice"] * 12
    for alone in ([], ["--alone"]):
        verified = toolgate_here(signed_log, "log", "verify-archives", "archives", *alone)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert verified.stdout.startswith("12 records and ")
        assert "nothing is wrong" in verified.stdout
    rest = toolgate_here(signed_log, "log", "verify")
    assert (rest.returncode, "are in archives, which were not read" in rest.stdout) == (0, True)
    again = toolgate_here(signed_log, "log", "archive", "--older-than", "1ms", "--to", "archives")
    assert (again.returncode, again.stdout[:19]) == (0, "nothing was signed ")


def test_an_altered_log_is_not_archived(signed_log: Path) -> None:
    with closing(sqlite3.connect(signed_log / "log.db")) as log:
        log.execute(
            "UPDATE records SET content = replace(CAST(content AS TEXT), 'alice', 'mallory') WHERE position = 3"
        )
        log.commit()
    refused = toolgate_here(signed_log, "log", "archive", "--older-than", "1ms", "--to", "archives")
    assert refused.returncode == 1
    assert "position 3" in refused.stderr
    assert list((signed_log / "archives").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["archive", "--older-than", "1ms", "--to", "nowhere"], "there is no folder `nowhere`"),
        (["archive", "--older-than", "long ago", "--to", "archives"], "--older-than"),
        (["verify-archives", "archives"], "there are no archives"),
        (["verify-archives", "toolgate.yaml"], "`toolgate.yaml` cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(signed_log: Path, arguments: list[str], said: str) -> None:
    done = toolgate_here(signed_log, "log", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
