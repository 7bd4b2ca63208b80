"""`toolgate schemas cedar` and `fidelity`, which need snapshots and catalog.yaml alone."""

import json
import shutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import cedarpy
import pytest

from pdp.cli import verbs
from pdp.cli.main import run
from tests.snapshots import tool_snapshot

Toolgate = Callable[..., tuple[int, str, str]]
CATALOG = """\
version: 1
servers:
  files: {unsafe_hidden_text: true, tools: {put: {arguments: {path: path}}}}
"""
PUT = {
    "name": "put",
    "inputSchema": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "maxLength": 100},
            "size\u202e": {"type": "number", "format": "double"},
            "more": {},
        },
        "additionalProperties": False,
    },
}


@pytest.fixture
def toolgate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Toolgate:
    """`toolgate(...)` in a repository with one tool: exit code, standard output and error."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "schemas" / "files").mkdir(parents=True)
    (tmp_path / "schemas" / "files" / "put.json").write_bytes(tool_snapshot(PUT))
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments), found=entry_points(group=verbs.GROUP))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_the_fidelity_of_a_tool_is_told_in_words(toolgate: Toolgate) -> None:
    assert toolgate("schemas", "fidelity") == (
        0,
        "files/put (undeclared: refuse)\n"
        "  checked by JSON Schema alone: additionalProperties\n"
        "  /more        invisible\n"
        "      may be of any type\n"
        "  /path        visible, String, marked path\n"
        "      checked by JSON Schema alone: maxLength\n"
        "  /size\\u202e  visible with loss, decimal\n"
        "      numbers with more than four decimal places are not held\n"
        "      numbers beyond 64 bits are not held\n"
        "      checked by nothing: format\n"
        "\n"
        "tools: 1; arguments and their parts: 1 visible, 1 visible with loss, 1 invisible\n"
        "with constraints that the JSON Schema check alone enforces: 1\n",
        "",
    )


def test_the_fidelity_of_a_tool_is_told_as_json(toolgate: Toolgate) -> None:
    code, out, _ = toolgate("schemas", "fidelity", "--json", "files/put")
    told = json.loads(out)
    assert code == 0
    assert told["totals"] == {
        "tools": 1,
        "visible": 1,
        "visible with loss": 1,
        "invisible": 1,
        "checked_by_schema_alone": 1,
    }
    assert told["refused"] == {}
    assert told["tools"][0]["arguments"][1] == {
        "pointer": "/path",
        "visibility": "visible",
        "cedar": "context.arguments.path",
        "type": "String",
        "mark": "path",
        "why": None,
        "losses": [],
        "constraints": {"checked_by_schema_alone": ["maxLength"], "checked_by_nothing": []},
    }


def test_a_refused_snapshot_is_named_and_the_others_are_told(toolgate: Toolgate, tmp_path: Path) -> None:
    (tmp_path / "schemas" / "git").mkdir()
    (tmp_path / "schemas" / "git" / "log.json").write_text("{")
    code, out, _ = toolgate("schemas", "fidelity")
    assert code == 0
    assert "  /path        visible, String, marked path\n" in out
    assert "schemas/git/log.json: refused\n  " in out
    assert "[snapshot_invalid]\ntools: 1;" in out
    assert "schemas/git" not in toolgate("schemas", "fidelity", "files")[1]
    assert list(json.loads(toolgate("schemas", "fidelity", "--json", "git")[1])["refused"]) == ["schemas/git/log.json"]
    code, out, err = toolgate("schemas", "cedar")
    assert (code, out) == (2, "")
    assert "schemas/git/log.json" in err


def test_a_broken_catalog_is_a_reason_not_to_run(toolgate: Toolgate, tmp_path: Path) -> None:
    (tmp_path / "policies" / "catalog.yaml").write_text("version: 2\n")
    code, out, err = toolgate("schemas", "fidelity")
    assert (code, out) == (2, "")
    assert "policies/catalog.yaml" in err


@pytest.mark.parametrize("verb", ["cedar", "fidelity"])
def test_a_name_that_is_nothing_is_told(toolgate: Toolgate, verb: str) -> None:
    told = "toolgate: `git` is no server and no tool that has a snapshot\n"
    assert toolgate("schemas", verb, "files", "git") == (2, "", told)


def test_the_cedar_schema_is_printed_so_that_cedar_reads_it(toolgate: Toolgate) -> None:
    code, out, _ = toolgate("schemas", "cedar")
    _, form, _ = toolgate("schemas", "cedar", "--json", "files")
    assert code == 0
    assert '  action "files/put" in ["tools/call"] appliesTo {\n' in out
    assert '"size\\u{202e}"?: decimal' in out
    read, same = cedarpy.Schema.from_str(out), cedarpy.Schema.from_json_str(form)
    assert str(read) == str(same).replace("__cedar::", "")


def test_the_example_is_told_whole(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("policies", "schemas"):
        shutil.copytree(root / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    assert run(["schemas", "fidelity", "--json", "git"], found=entry_points(group=verbs.GROUP)) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    snapshots = [json.loads(path.read_bytes()) for path in (root / "schemas" / "git").glob("*.json")]
    assert {tool["tool"]: {each["pointer"].split("/")[1] for each in tool["arguments"]} for tool in told["tools"]} == {
        f"git/{snapshot['name']}": set(snapshot["inputSchema"]["properties"]) for snapshot in snapshots
    }
    marked = {each["pointer"]: each["mark"] for tool in told["tools"] for each in tool["arguments"] if each["mark"]}
    assert marked == {"/repo_path": "path", "/files": "path"}
