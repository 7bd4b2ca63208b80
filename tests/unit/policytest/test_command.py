import json
import socket
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pdp.cli.main import run
from pdp.cli.verbs import GROUP
from tests.snapshots import tool_path, tool_snapshot
from tests.unit.policytest.sample import CATALOG, HEAD, POLICIES, TOOLS

FOUND = [EntryPoint("test", "pdp.cli.test:test", GROUP)]
GOOD = "- {name: good, principal: alice, call: box/get, expect: {decision: allow, policies: [readers]}}\n"
BAD = "- {name: bad, principal: bob, call: box/get, expect: {decision: allow}}\n"

Toolgate = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    return tmp_path


@pytest.fixture
def toolgate(repository: Path, capsys: pytest.CaptureFixture[str]) -> Toolgate:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["test", *arguments], found=FOUND)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def lay_out(folder: Path) -> None:
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "catalog.yaml").write_text(CATALOG)
    (folder / "policies" / "a.cedar").write_text(POLICIES)
    for name, properties in TOOLS.items():
        required = [argument for argument in properties if argument == "path"]
        schema = {"type": "object", "properties": properties, "required": required}
        path = folder / tool_path("box", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tool_snapshot({"name": name, "inputSchema": schema}))
    (folder / "policy-tests").mkdir()
    (folder / "policy-tests" / "a.yaml").write_text(HEAD + GOOD)


def test_it_works_without_a_configuration(toolgate: Toolgate) -> None:
    code, out, err = toolgate()
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "1 case, 1 passed, 0 failed; 1 of 4 policies exercised"


def test_a_failing_case_ends_with_one(toolgate: Toolgate, repository: Path) -> None:
    (repository / "policy-tests" / "b.yml").write_text(HEAD + BAD)
    code, out, _ = toolgate()
    assert code == 1
    assert "FAIL  policy-tests/b.yml:8  bad" in out


def test_coverage_fails_only_when_it_is_strict(toolgate: Toolgate) -> None:
    assert toolgate()[0] == 0
    assert toolgate("--strict-coverage")[0] == 1


def test_verbose_names_what_passes(toolgate: Toolgate) -> None:
    assert "good" not in toolgate()[1]
    assert "ok    policy-tests/a.yaml:8  good" in toolgate("-v")[1]


def test_json_is_one_object(toolgate: Toolgate) -> None:
    code, out, err = toolgate("--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["passed"] == 1


def test_paths_are_files_and_directories(toolgate: Toolgate, repository: Path) -> None:
    (repository / "more" / "deep").mkdir(parents=True)
    (repository / "more" / "deep" / "b.yaml").write_text(HEAD + BAD)
    (repository / "more" / ".hidden.yaml").write_text("no: yaml: at: all")
    (repository / "more" / "notes.txt").write_text("none of ours")
    assert toolgate("policy-tests/a.yaml")[0] == 0
    assert toolgate("more")[0] == 1
    assert toolgate("policy-tests", "more")[1].splitlines()[-1].startswith("2 cases, 1 passed, 1 failed")


def test_directories_can_be_named(toolgate: Toolgate, repository: Path) -> None:
    lay_out(repository / "other")
    (repository / "policies" / "a.cedar").write_text("this is no policy")
    code, out, _ = toolgate("--policies", "other/policies", "--schemas", "other/schemas")
    assert (code, out.splitlines()[-1][:7]) == (0, "1 case,")


def test_a_configuration_names_the_directories_from_where_it_stands(toolgate: Toolgate, repository: Path) -> None:
    lay_out(repository / "other")
    (repository / "policies" / "a.cedar").write_text("this is no policy")
    (repository / "other" / "toolgate.yaml").write_text("version: 1")
    assert toolgate("--config", "other/toolgate.yaml")[0] == 0
    (repository / "toolgate.yaml").write_text("version: 1\npdp: {policies: other/policies, schemas: other/schemas}")
    assert toolgate()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no `nowhere`: name a file or directory of policy tests"),
        (("schemas/box",), "there are no policy tests in `schemas/box`"),
        (("--policies", "nowhere"), "there is no directory for `policies`"),
        (("--config", "nowhere.yaml"), "there is no `nowhere.yaml`"),
        (("--config", "a.yaml", "--schemas", "schemas"), "`--config` names both directories"),
        (("policies/catalog.yaml",), "`servers` means nothing here"),
    ],
)
def test_what_cannot_run_ends_with_two_and_says_why(toolgate: Toolgate, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = toolgate(*arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_policies_that_do_not_compile_end_with_two(toolgate: Toolgate, repository: Path) -> None:
    (repository / "policies" / "a.cedar").write_text(
        '@id("x")\npermit (principal, action, resource)\n;\n@id("x") forbid'
    )
    code, _, err = toolgate()
    assert code == 2
    assert "policies/a.cedar:4" in err


def test_a_file_that_cannot_be_read_says_so(toolgate: Toolgate) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("odd.yaml")
        code, _, err = toolgate("odd.yaml")
    assert (code, "`odd.yaml` cannot be read" in err) == (2, True)


def test_help_has_an_example(toolgate: Toolgate) -> None:
    code, out, _ = toolgate("--help")
    assert code == 0
    assert "Example: toolgate test" in out
