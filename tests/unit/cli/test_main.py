import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
import typer

from pdp.cli import verbs
from pdp.cli.extras import extra_with
from pdp.cli.main import run
from pdp.core.contract.errors import ConfigurationError, Problem, TokenError, UnusableError
from pdp.core.contract.reason_code import ReasonCode

ENDINGS = "tests.unit.cli.test_main"


def fine() -> None:
    """Does nothing."""


def found_problems() -> None:
    raise typer.Exit(1)


def misconfigured() -> None:
    raise ConfigurationError([Problem("b.yaml", 2, 1, "x", "second"), Problem("a.yaml", 1, 0, "y", "first")])


def unusable() -> None:
    raise UnusableError("there is no `toolgate.yaml`")


def refused() -> None:
    raise TokenError(ReasonCode.TOKEN_EXPIRED, "expired 5 s ago")


def broken() -> None:
    raise RuntimeError("a bug")


def lacks_library() -> None:
    raise ModuleNotFoundError("No module named 'cedarpy'", name="cedarpy")


def lacks_module() -> None:
    raise ModuleNotFoundError("No module named 'pdp.nowhere'", name="pdp.nowhere")


group = typer.Typer()
group.command("one")(fine)
group.command("two")(found_problems)

not_a_command = None


def verb(name: str, *, of: str = ENDINGS) -> EntryPoint:
    return EntryPoint(name.replace("_", "-"), f"{of}:{name}", verbs.GROUP)


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("fine", 0, ""),
        ("found_problems", 1, ""),
        (
            "misconfigured",
            2,
            "a.yaml:1: first [y]\nb.yaml:2:1: second [x]\ntoolgate: 2 problems in the configuration\n",
        ),
        ("unusable", 2, "toolgate: there is no `toolgate.yaml`\n"),
        ("refused", 2, "toolgate: token_expired: expired 5 s ago\n"),
        (
            "lacks_library",
            2,
            "toolgate: `toolgate lacks-library` needs `cedarpy`, which an extra brings: "
            "pip install 'toolgate[embedded]'\n",
        ),
    ],
)
def test_a_foreseen_ending_is_a_code_and_a_message(
    name: str, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry_point = verb(name)
    assert run([entry_point.name], found=[entry_point]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", told)


def test_a_bug_shows_its_traceback_and_does_not_pass_for_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["broken"], found=[verb("broken")]) == 2
    assert "RuntimeError: a bug" in capsys.readouterr().err


def test_groups_and_single_verbs_both_run(capsys: pytest.CaptureFixture[str]) -> None:
    found = [verb("group"), verb("fine")]
    assert [run(arguments, found=found) for arguments in (["group", "one"], ["group", "two"], ["fine"])] == [0, 1, 0]
    assert run(["fine", "--help"], found=found) == 0
    assert "Does nothing." in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nope"], ["fine", "--nope"], ["fine", "extra"], ["group"], ["--nope"], []])
def test_a_wrong_command_line_could_not_run(arguments: list[str]) -> None:
    assert run(arguments, found=[verb("group"), verb("fine")]) == 2


def test_a_missing_extra_is_named_and_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "needy.py").write_text("import prometheus_client_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run(["serve"], found=[EntryPoint("serve", "pdp.cli.needy:serve", verbs.GROUP)]) == 2
    assert "No such command" in capsys.readouterr().err  # the module is not shipped at all
    found = [EntryPoint("needy", "needy:command", verbs.GROUP)]
    assert run(["needy"], found=found) == 2
    assert capsys.readouterr().err == (
        "toolgate: `toolgate needy` needs `prometheus_client_that_is_not_there`, which is not installed: "
        "pip install --force-reinstall toolgate\n"
    )


def test_a_missing_module_of_our_own_is_a_bug_and_no_missing_extra(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lacks-module"], found=[verb("lacks_module")]) == 2
    assert "No module named 'pdp.nowhere'" in capsys.readouterr().err


def test_help_loads_no_verb_and_names_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "heavy_verb.py").write_text("raise SystemExit('loaded')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert run(["--help"], found=[EntryPoint("heavy", "heavy_verb:x", verbs.GROUP), verb("fine")]) == 0
    shown = capsys.readouterr().out
    assert "From `heavy_verb`" in shown
    assert "heavy_verb" not in sys.modules


def test_help_groups_verbs_by_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = [EntryPoint(name, "pdp.cli.config:app", verbs.GROUP) for name in verbs.VERBS]
    assert run(["--help"], found=found) == 0
    shown = capsys.readouterr().out
    order = [shown.index(f"─ {panel} ─") for panel in verbs.Panel if panel is not verbs.Panel.PLUGINS]
    assert order == sorted(order)
    assert all(verb.summary[:40] in shown for verb in verbs.VERBS.values())


def test_a_verb_can_join_a_group_of_another_package(capsys: pytest.CaptureFixture[str]) -> None:
    joining = EntryPoint("group.three", f"{ENDINGS}:found_problems", verbs.GROUP)
    found = [joining, verb("group"), verb("fine")]
    assert [run(["group", name], found=found) for name in ("one", "three", "four")] == [0, 1, 2]
    capsys.readouterr()
    assert run(["group", "--help"], found=found) == 0
    shown = capsys.readouterr().out
    assert [shown.count(part) for part in ("─ Commands ─", "From `tests.unit", "group.three", "─ Plug-ins ─")] == [
        1,
        1,
        0,
        0,
    ]
    assert run(["--help"], found=found) == 0
    assert "three" not in capsys.readouterr().out


def test_a_joining_verb_takes_no_name_of_the_group_and_joins_no_single_verb() -> None:
    found = [verb("group"), verb("fine")]
    assert run(["group", "one"], found=[*found, EntryPoint("group.one", f"{ENDINGS}:broken", verbs.GROUP)]) == 0
    assert run(["fine"], found=[*found, EntryPoint("fine.one", f"{ENDINGS}:broken", verbs.GROUP)]) == 0
    assert run(["fine", "one"], found=[*found, EntryPoint("fine.one", f"{ENDINGS}:broken", verbs.GROUP)]) == 2
    other = EntryPoint("schemas.cedar", f"{ENDINGS}:fine", verbs.GROUP)
    assert verbs.members([other], group="schemas") == {}


def test_a_missing_extra_of_a_joining_verb_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    joining = EntryPoint("group.lacking", f"{ENDINGS}:lacks_library", verbs.GROUP)
    assert run(["group", "lacking"], found=[verb("group"), joining]) == 2
    assert "`cedarpy`, which an extra brings: pip install 'toolgate[" in capsys.readouterr().err


def test_a_plug_in_cannot_take_the_name_of_our_own_verb() -> None:
    own = EntryPoint("config", "pdp.cli.config:app", verbs.GROUP)
    other = EntryPoint("config", f"{ENDINGS}:fine", verbs.GROUP)
    assert verbs.shipped([other, own]) == {"config": own}
    assert verbs.shipped([other]) == {}


@pytest.mark.parametrize("place", ["pdp.cli.nowhere:x", "no_such_package.inner.module:x"])
def test_a_verb_that_is_not_shipped_is_not_listed(place: str) -> None:
    assert verbs.shipped([EntryPoint("ghost", place, verbs.GROUP)]) == {}


def test_a_name_that_leads_nowhere_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["not-a-command"], found=[verb("not_a_command")]) == 2
    assert capsys.readouterr().err == (
        f"toolgate: there is no `not-a-command`: `{ENDINGS}:not_a_command` does not exist\n"
    )


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"], found=[]) == 0
    assert capsys.readouterr().out.startswith("toolgate 0.")


def test_the_table_of_verbs_and_the_entry_points_agree() -> None:
    installed = {entry_point.name for entry_point in entry_points(group=verbs.GROUP)}
    assert installed == {*verbs.VERBS, *verbs.MEMBERS}


@pytest.mark.parametrize(
    ("module", "preferred", "extra"),
    [
        ("prometheus_client", None, "server"),
        ("cedarpy", "server", "server"),
        ("cedarpy", "mcp", "embedded"),
        ("mcp", None, "mcp"),
        ("aiohttp", None, None),
        ("nothing", "server", None),
    ],
)
def test_an_extra_is_found_by_the_library_it_brings(module: str, preferred: str | None, extra: str | None) -> None:
    requirements = [
        "aiohttp>=3.12",
        "uvloop>=0.21; sys_platform != 'win32'",
        "cedarpy>=4.12; extra == 'all'",
        "cedarpy>=4.12; extra == 'embedded'",
        'mcp>=2.3; extra == "mcp"',
        "cedarpy>=4.12; extra == 'server'",
        "prometheus-client>=0.22; python_version >= '3.11' and extra == 'server'",
    ]
    assert extra_with(module, requirements=requirements, preferred=preferred) == extra
