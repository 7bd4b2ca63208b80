"""`toolgate check`: what people and machines are told of a repository of policies."""

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from pdp.cli.main import run
from pdp.cli.verbs import GROUP
from tests.flow.pdp_process import toolgate_here
from tests.snapshots import tool_path, tool_snapshot

FOUND = [EntryPoint("check", "pdp.cli.check:check", GROUP)]
_STRING = {"type": "string"}
GOOD = '@id("good") permit (principal, action == Mcp::Action::"git/log", resource);\n'
BAD = """// first
@id("bad")
permit (principal, action == Mcp::Action::"git/log", resource in Mcp::Server::"gti")
when { context.arguments.count < 50 };
@id("odd") forbid (principal, action == Mcp::Action::"git/log", resource) when { true };
"""
SHOWN = """\
policies/a.cedar:3:66: error: there is no server `gti` in the catalog; did you mean `git`? [name_unknown]
  |
3 | permit (principal, action == Mcp::Action::"git/log", resource in Mcp::Server::"gti")
  |                                                                  ^^^^^^^^^^^^^^^^^^
policies/a.cedar:4:8: error: `context.arguments.count` may be absent for `git/log`: write \
`context.arguments has count &&` before it [validation]
  |
4 | when { context.arguments.count < 50 };
  |        ^^^^^^^^^^^^^^^^^^^^^^^
policies/a.cedar:5:75: warning: the conditions hold for every request in the scope [always_matches]
  |
5 | @id("odd") forbid (principal, action == Mcp::Action::"git/log", resource) when { true };
  |                                                                           ^^^^^^^^^^^^^
2 errors, 1 warning
"""

Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "catalog.yaml").write_text("version: 1\n")
    (tmp_path / "policies" / "a.cedar").write_text(GOOD)
    schema = {"type": "object", "properties": {"repo": _STRING, "count": {"type": "integer"}}, "required": ["repo"]}
    snapshot = tmp_path / tool_path("git", "log")
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(tool_snapshot({"name": "log", "inputSchema": schema}))
    return tmp_path


@pytest.fixture
def check(repository: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["check", *arguments], found=FOUND)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def write(repository: Path, text: str, *, name: str = "a.cedar") -> None:
    (repository / "policies" / name).write_text(text)


def test_nothing_wrong_is_exit_0(check: Check) -> None:
    assert check() == (0, "no problems\n", "")


def test_people_see_each_problem_in_its_source(check: Check, repository: Path) -> None:
    write(repository, BAD)
    assert check() == (1, SHOWN, "")


def test_the_exit_code_says_that_there_are_problems_of_the_level(check: Check, repository: Path) -> None:
    write(repository, GOOD.replace(";", " when { true };"))
    assert check()[0] == 1
    assert check("--level", "error") == (0, "no problems\n", "")


def test_the_verb_itself_ends_with_these_codes(repository: Path) -> None:
    write(repository, BAD)
    ended = toolgate_here(repository, "check")
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, SHOWN, "")
    ended = toolgate_here(repository, "check", "--policies", "nowhere")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "there is no directory for `policies` [directory_missing]" in ended.stderr


def test_problems_of_catalog_snapshots_policies_and_links_come_together(check: Check, repository: Path) -> None:
    write(repository, "version: 1\nservers: {gti: {}}\n", name="catalog.yaml")
    assert check()[1].startswith("policies/catalog.yaml:2:11: error: server `gti` has no snapshot in `schemas/`")
    write(repository, "version: 2\n", name="catalog.yaml")
    write(repository, "permit (principal, action, resource)")
    _, out, _ = check("--format", "json")
    assert sorted((problem["file"], problem["code"]) for problem in json.loads(out)["problems"]) == [
        ("policies/a.cedar", "syntax"),
        ("policies/catalog.yaml", "catalog_invalid"),
    ]
    write(repository, "version: 1\n", name="catalog.yaml")
    write(repository, GOOD)
    write(repository, "version: 1\nlinks: [{id: a, template: b}]\n", name="x.links.yaml")
    assert check()[1] == (
        "policies/x.links.yaml:2:27: error: template `b` is not there [template_unknown]\n"
        "  |\n2 | links: [{id: a, template: b}]\n  |                           ^\n1 error\n"
    )
    (repository / tool_path("git", "log")).write_bytes(b"{}")
    _, out, _ = check("--format", "json")
    assert [problem["code"] for problem in json.loads(out)["problems"]] == ["snapshot_invalid"]


def test_files_are_named_as_they_are_found_from_here(check: Check, repository: Path) -> None:
    (repository / "draft").mkdir()
    (repository / "draft" / "b.cedar").write_text(BAD)
    _, out, _ = check("--policies", "draft", "--format", "json")
    assert {problem["file"] for problem in json.loads(out)["problems"]} == {"draft/b.cedar"}


def test_json_has_every_member_of_a_problem(check: Check, repository: Path) -> None:
    write(repository, GOOD.replace(";", " when { true };"))
    code, out, _ = check("--format", "json")
    assert code == 1
    assert json.loads(out) == {
        "problems": [
            {
                "file": "policies/a.cedar",
                "line": 1,
                "column": 76,
                "end_column": 89,
                "severity": "warning",
                "code": "always_matches",
                "message": "the conditions hold for every request in the scope",
            }
        ]
    }


def _sarif(text: str) -> dict[str, Any]:
    """The one run of a log; checked for what SARIF 2.1.0 requires of each object that we write."""
    log = json.loads(text)
    assert log.keys() == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (found,) = log["runs"]
    driver = found["tool"]["driver"]
    assert driver["name"] == "toolgate"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert rule.keys() <= {"id", "shortDescription", "help", "defaultConfiguration"}
        assert all(rule[text].keys() == {"text"} and rule[text]["text"] for text in rule.keys() & {"help"})
    for result in found["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        for location in result["locations"]:
            region = location["physicalLocation"].get("region", {"startLine": 1})
            assert all(isinstance(number, int) and number >= 1 for number in region.values())
            assert "startLine" in region
    return dict(found)


def test_sarif_has_rules_and_results(check: Check, repository: Path) -> None:
    write(repository, BAD, name="a b.cedar")
    (repository / "policies" / "a.cedar").unlink()
    found = _sarif(check("--format", "sarif")[1])
    assert found["columnKind"] == "unicodeCodePoints"
    assert [result["ruleId"] for result in found["results"]] == ["name_unknown", "validation", "always_matches"]
    assert found["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "policies/a%20b.cedar", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3, "startColumn": 66, "endColumn": 84},
            }
        }
    ]
    rules = {rule["id"]: rule for rule in found["tool"]["driver"]["rules"]}
    assert rules["shadowed"]["defaultConfiguration"] == {"level": "warning"}
    assert rules["syntax"]["defaultConfiguration"] == {"level": "error"}


def test_sarif_knows_codes_that_are_not_of_policies_and_problems_without_a_line(check: Check, repository: Path) -> None:
    write(repository, "version: 1\nversion: 1\n", name="catalog.yaml")
    found = _sarif(check("--format", "sarif")[1])
    assert [result["ruleId"] for result in found["results"]] == ["yaml_key_repeated"]
    (repository / "policies" / "catalog.yaml").write_bytes(b"x" * (1024 * 1024 + 1))
    found = _sarif(check("--format", "sarif")[1])
    assert [location["physicalLocation"] for result in found["results"] for location in result["locations"]] == [
        {"artifactLocation": {"uri": "policies/catalog.yaml", "uriBaseId": "%SRCROOT%"}}
    ]


def test_sarif_of_nothing_wrong_has_no_results(check: Check) -> None:
    code, out, _ = check("--format", "sarif")
    assert (code, _sarif(out)["results"]) == (0, [])


def test_github_gets_one_command_a_problem(check: Check, repository: Path) -> None:
    (repository / "policies" / "a.cedar").rename(repository / "policies" / "a,b:100%.cedar")
    write(repository, GOOD.replace("good", "other").replace("git/log", "git/lgo"), name="a,b:100%.cedar")
    assert check("--format", "github") == (
        1,
        "::error file=policies/a%2Cb%3A100%25.cedar,line=1,col=43,endColumn=65,title=name_unknown::"
        "there is no action `git/lgo`; did you mean `git/log`?\n",
        "",
    )


HOSTILE = "x\\u{1b}]0;title\\u{7}\\r\\n::error::gotcha\\u{202e}"


@pytest.mark.parametrize("form", ["text", "github"])
def test_nothing_that_a_policy_says_acts_on_the_terminal_or_the_workflow(
    form: str, check: Check, repository: Path
) -> None:
    write(repository, GOOD.replace("git/log", HOSTILE))
    _, out, _ = check("--format", form)
    assert "gotcha" in out
    assert [character for character in out if not character.isprintable() and character != "\n"] == []
    assert [line for line in out.split("\n") if line.startswith("::")] == ([out[:-1]] if form == "github" else [])


def test_raw_control_characters_of_a_source_are_shown_as_escapes(check: Check, repository: Path) -> None:
    (repository / "policies" / "a.cedar").write_bytes(b"permit (\x1b[31mprincipal, action, resource);\r\n")
    _, out, _ = check()
    assert "\x1b" not in out
    assert "1 | permit (\\x1b[31mprincipal, action, resource);\n" in out


def test_carets_stand_below_what_they_mean_whatever_is_before_it(check: Check, repository: Path) -> None:
    wide = GOOD.replace("@id", '@owner("日本語")\t@id').replace("git/log", "git/lgo")
    write(repository, wide)
    line, carets = check()[1].split("\n")[2:4]
    shown = line.replace("日本語", "######")
    assert shown[carets.index("^") : carets.rindex("^") + 1] == 'Mcp::Action::"git/lgo"'


def test_of_a_long_line_the_part_around_the_problem_is_shown(check: Check, repository: Path) -> None:
    names = " || ".join(f'context.scopes.contains("scope-{number}")' for number in range(40))
    condition = f'{names} || context.session == "x" || {names}'
    write(
        repository, f'@id("p") permit (principal, action == Mcp::Action::"git/log", resource) when {{ {condition} }};'
    )
    line, carets = check()[1].split("\n")[2:4]
    assert line[carets.index("^") : carets.rindex("^") + 1] == "context.session"
    assert line.startswith("1 | ...")
    assert line.endswith("...")
    assert len(line) < 130
