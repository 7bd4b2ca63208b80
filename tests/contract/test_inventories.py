"""Real servers as `toolgate schemas` sees them: tests/data/inventories/, which `make inventories` renews."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import RequireTool

BIN = Path(sys.executable).parent
NODE = {"everything": "mcp-server-everything", "files": "mcp-server-filesystem", "memory": "mcp-server-memory"}
SERVERS = ("everything", "fetch", "files", "git", "memory", "time")
EXPECTED = {"everything": 26, "fetch": 2, "files": 14, "git": 12, "memory": 10, "time": 2}


@pytest.fixture
def config(root: Path, tmp_path: Path) -> Path:
    """The servers of tests/data/inventories.yaml, with a folder of snapshots of its own."""
    settings = yaml.safe_load((root / "tests" / "data" / "inventories.yaml").read_text())
    settings["pdp"]["schemas"] = "written"
    path = tmp_path / "toolgate.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def schemas(config: Path, *arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(BIN), str(root / "node_modules" / ".bin"), os.environ["PATH"]])  # noqa: TID251
    return subprocess.run(
        [str(BIN / "toolgate"), "schemas", *arguments, "--config", str(config)],
        env={**os.environ, "PATH": path},  # noqa: TID251 - a child gets what we have
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=config.parent,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("server", SERVERS)
def test_a_pull_writes_what_is_in_git_and_nothing_the_second_time(
    server: str, config: Path, root: Path, require_tool: RequireTool
) -> None:
    if server in NODE:
        require_tool(NODE[server], install="apt-get install nodejs npm; make setup")
    kept = files(root / "tests" / "data" / "inventories" / server)
    assert len(kept) == EXPECTED[server]
    first = schemas(config, "pull", server, root=root)
    assert (first.returncode, files(config.parent / "written")) == (0, {f"{server}/{n}": c for n, c in kept.items()})
    assert [line.rpartition(": ")[2] for line in first.stdout.splitlines()] == ["new"] * len(kept)
    second = schemas(config, "pull", server, root=root)
    assert (second.returncode, files(config.parent / "written" / server)) == (0, kept)
    assert [line.rpartition(": ")[2] for line in second.stdout.splitlines()] == ["as approved"] * len(kept)
    difference = schemas(config, "diff", server, root=root)
    assert (difference.returncode, difference.stdout) == (0, f"{server}: {len(kept)} as approved\n")


def test_all_kinds_are_among_them(root: Path) -> None:
    folders = {
        path.relative_to(root / "tests/data/inventories").parts[1]
        for path in (root / "tests/data/inventories").rglob("*/*/*.json")
    }
    assert folders == {"prompts", "resources", "templates"}


@pytest.mark.parametrize("server", ["files", "git", "time"])
def test_the_example_and_the_inventories_are_of_the_same_servers(server: str, root: Path) -> None:
    assert files(root / "schemas" / server) == files(root / "tests" / "data" / "inventories" / server)


def test_what_git_has_is_told_from_what_somebody_made_of_it(config: Path, root: Path) -> None:
    assert schemas(config, "pull", "git", root=root).returncode == 0
    path = config.parent / "written" / "git" / "git_log.json"
    snapshot = json.loads(path.read_text())
    snapshot["description"] = "Shows the log"
    path.write_text(json.dumps(snapshot))
    told = schemas(config, "diff", "git", root=root)
    assert told.returncode == 1
    assert told.stdout.splitlines()[0] == "git/git_log: its snapshot is broken"
    assert "does not have the digest written beside it" in told.stdout
    mended = schemas(config, "approve", "git/git_log", "--yes", root=root)
    assert (mended.returncode, mended.stdout.splitlines()[-1]) == (0, "git/git_log: written")
    kept = root / "tests" / "data" / "inventories" / "git" / "git_log.json"
    assert path.read_bytes() == kept.read_bytes()
