import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pdp.cli.config import masked

TEXT = """\
version: 1
pdp:
  log: {url: "postgresql://toolgate:${DB_PASSWORD}@db/log"}
gateway: {pdp: ["http://user:letmein@pdp:8181"]}
mcpServers:
  git: {command: mcp-server-git, args: [--repository, .], env: {TOKEN: "${TOKEN}", PLAIN: sesame}}
  files: {url: https://files/mcp, headers: {Authorization: "Bearer ${TOKEN}", X-Key: sesame}}
"""
SECRETS = {"DB_PASSWORD": "hunter2", "TOKEN": "hunter2"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "toolgate.yaml"
    file.write_text(TEXT)
    return file


def toolgate(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOOLGATE__")}  # noqa: TID251 - the process's own
    return subprocess.run(
        [Path(sys.executable).parent / "toolgate", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=kept | environ,
        timeout=60,
    )


def test_show_tells_each_value_and_where_it_comes_from(config: Path) -> None:
    done = toolgate("config", "show", "--config", config, **SECRETS, TOOLGATE__GATEWAY__MAX_STALENESS="7s")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f'pdp.log.url = "postgresql://toolgate:${{DB_PASSWORD}}@db/log" # {config}:3:14' in lines
    assert 'pdp.log.mode = "spooled" # default' in lines
    assert 'gateway.max_staleness = "7s" # environment:TOOLGATE__GATEWAY__MAX_STALENESS' in lines
    assert f'mcpServers.git.args = ["--repository", "."] # {config}:6:40' in lines


def test_show_never_shows_a_secret(config: Path) -> None:
    secret = {
        "TOOLGATE__MCPSERVERS__FILES__HEADERS__X_MORE": "hunter2",
        "TOOLGATE__MCPSERVERS__GIT__ENV__MORE": "hunter2",
    }
    for style in ([], ["--json"]):
        done = toolgate("config", "show", "--config", config, *style, **SECRETS, **secret)
        assert done.returncode == 0
        for word in ("hunter2", "sesame", "letmein"):
            assert word not in done.stdout + done.stderr


def test_show_prints_json(config: Path) -> None:
    shown = json.loads(toolgate("config", "show", "--config", config, "--json", **SECRETS).stdout)
    assert shown["file"] == str(config)
    rows = {row["name"]: row for row in shown["settings"]}
    assert rows["mcpServers.files.headers.Authorization"] == {
        "name": "mcpServers.files.headers.Authorization",
        "value": "${TOKEN}",
        "origin": f"{config}:7:60",
        "kind": "file",
    }
    assert rows["gateway.cache_entries"]["value"] == 10_000


def test_check_is_quiet_about_a_good_file_and_tells_every_problem_of_a_bad_one(config: Path) -> None:
    assert toolgate("config", "check", "--config", config, **SECRETS).stdout == f"`{config}` is fine\n"
    done = toolgate("config", "check", "--config", config, DB_PASSWORD="x")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{config}:6:72: environment variable `TOKEN` is not set [variable_missing]",
        f"{config}:7:60: environment variable `TOKEN` is not set [variable_missing]",
        "2 problems",
    ]


def test_check_prints_json(config: Path) -> None:
    done = toolgate("config", "check", "--config", config, "--json", TOKEN="x")
    assert done.returncode == 1
    assert json.loads(done.stdout)["problems"] == [
        {
            "file": str(config),
            "line": 3,
            "column": 14,
            "code": "variable_missing",
            "message": "environment variable `DB_PASSWORD` is not set",
        }
    ]


def test_show_of_a_bad_file_could_not_run(config: Path) -> None:
    done = toolgate("config", "show", "--config", config)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "toolgate: 3 problems in the configuration"


def test_a_missing_file_could_not_be_checked(tmp_path: Path) -> None:
    done = toolgate("config", "check", "--config", tmp_path / "none.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"toolgate: there is no `{tmp_path}/none.yaml`: ")


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("pdp", "log", "url"), "postgresql://u:p@h/d?x=y", "postgresql://u:***@h/d?x=y"),
        (("pdp", "log", "url"), "postgresql://u:${P}@h/d", "postgresql://u:${P}@h/d"),
        (("pdp", "log", "url"), "postgresql://u:a${P}@h/d", "postgresql://u:***@h/d"),
        (("pdp", "log", "url"), "sqlite:///toolgate.db", "sqlite:///toolgate.db"),
        (("mcpServers", "a", "headers", "A"), "Bearer abc", "***"),
        (("mcpServers", "a", "headers", "A"), "Bearer abc${T}", "${T}"),
        (("mcpServers", "a", "args"), ["https://u:p@h"], ["https://u:***@h"]),
        (("gateway", "cache_entries"), 5, 5),
    ],
)
def test_what_may_hold_a_secret_is_masked(path: tuple[str, ...], value: object, shown: object) -> None:
    assert masked(path, value) == shown
