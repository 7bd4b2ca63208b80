import io
import os
import stat
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pdp.cli.main import run
from pdp.cli.verbs import GROUP

FOUND = [EntryPoint("fmt", "pdp.cli.fmt:fmt", GROUP)]
LOOSE = '@id("a")permit(principal,action,resource); // why\n'
TIDY = '@id("a")\npermit (principal, action, resource); // why\n'
BROKEN = "permit(principal, action);\n"

Fmt = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fmt:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["fmt", *arguments], found=FOUND)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def lay_out(**files: str) -> Path:
    folder = Path("policies")
    for name, text in files.items():
        path = folder / f"{name}.cedar"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_without_arguments_the_usual_directory_is_formatted(fmt: Fmt) -> None:
    folder = lay_out(**{"a": LOOSE, "deep/b": LOOSE, "c": TIDY, ".hidden/d": LOOSE})
    (folder / "notes.txt").write_text(LOOSE)
    assert fmt() == (0, "formatted policies/a.cedar\nformatted policies/deep/b.cedar\n", "")
    texts = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
    assert texts == {
        "a.cedar": TIDY,
        "deep/b.cedar": TIDY,
        "c.cedar": TIDY,
        ".hidden/d.cedar": LOOSE,
        "notes.txt": LOOSE,
    }
    assert fmt() == (0, "", "")


def test_the_configured_directory_is_formatted(fmt: Fmt) -> None:
    lay_out(a=LOOSE).rename("rules")
    Path("toolgate.yaml").write_text("version: 1\npdp: {policies: rules/}\n")
    assert fmt() == (0, "formatted rules/a.cedar\n", "")
    Path("etc").mkdir()
    Path("toolgate.yaml").rename("etc/toolgate.yaml")
    Path("rules").rename("etc/rules")
    Path("etc/rules/a.cedar").write_text(LOOSE)
    assert fmt("--config", "etc/toolgate.yaml") == (0, "formatted etc/rules/a.cedar\n", "")


def test_check_changes_nothing_and_names_what_would_change(fmt: Fmt) -> None:
    folder = lay_out(a=LOOSE, b=TIDY)
    assert fmt("--check") == (1, "", "policies/a.cedar is not formatted\n")
    assert (folder / "a.cedar").read_text() == LOOSE
    assert fmt("--check", "policies/b.cedar") == (0, "", "")


def test_diff_prints_what_would_change_and_changes_nothing(fmt: Fmt) -> None:
    folder = lay_out(a=LOOSE.rstrip("\n"), b=TIDY)
    expected = """--- policies/a.cedar
+++ policies/a.cedar (formatted)
@@ -1 +1,2 @@
-@id("a")permit(principal,action,resource); // why
\\ no line feed at the end
+@id("a")
+permit (principal, action, resource); // why
"""
    assert fmt("--diff") == (0, expected, "")
    assert fmt("--diff", "--check") == (1, expected, "policies/a.cedar is not formatted\n")
    assert (folder / "a.cedar").read_text() == LOOSE.rstrip("\n")


def test_a_file_with_a_problem_is_left_alone_and_the_others_are_formatted(fmt: Fmt) -> None:
    lost = 'permit(principal, action in [Action::"a", // why\n], resource);\n'
    folder = lay_out(a=BROKEN, b=LOOSE, c=lost)
    code, out, err = fmt()
    assert (code, out) == (1, "formatted policies/b.cedar\n")
    assert err == (
        "policies/a.cedar:1:25: the scope lacks `resource`: it is `(principal, action, resource)` [syntax]\n"
        "policies/c.cedar:1:43: Cedar's formatter would lose this: put the comment on another line [not_formattable]\n"
    )
    assert [(folder / name).read_text() for name in ("a.cedar", "b.cedar", "c.cedar")] == [BROKEN, TIDY, lost]


def test_standard_input_goes_to_standard_output(fmt: Fmt, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in ((LOOSE, (0, TIDY, "")), (TIDY, (0, TIDY, ""))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert fmt("-") == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BROKEN.encode())))
    code, out, err = fmt("-")
    assert (code, out) == (1, "")
    assert err.startswith("<stdin>:1:25: ")


def test_a_rewritten_file_keeps_its_mode_and_leaves_nothing_beside_it(fmt: Fmt) -> None:
    folder = lay_out(a=LOOSE)
    (folder / "a.cedar").chmod(0o640)
    assert fmt()[0] == 0
    assert stat.S_IMODE((folder / "a.cedar").stat().st_mode) == 0o640
    assert [path.name for path in folder.iterdir()] == ["a.cedar"]


def test_what_cannot_be_written_stays_as_it_was(fmt: Fmt, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lay_out(a=LOOSE)

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    assert fmt() == (2, "", "toolgate: `policies/a.cedar` cannot be written: No space left on device\n")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.cedar": LOOSE}


@pytest.mark.parametrize("arguments", [[], ["policies/link.cedar"]])
def test_no_link_is_followed(fmt: Fmt, arguments: list[str]) -> None:
    folder = lay_out(a=TIDY)
    Path("outside.cedar").write_text(LOOSE)
    (folder / "link.cedar").symlink_to("../outside.cedar")
    message = "toolgate: `policies/link.cedar` is a link or no regular file: name the file itself\n"
    assert fmt(*arguments) == (2, "", message)
    assert Path("outside.cedar").read_text() == LOOSE


def test_a_directory_behind_a_link_is_not_entered(fmt: Fmt) -> None:
    folder = lay_out(a=TIDY)
    Path("outside").mkdir()
    Path("outside/b.cedar").write_text(LOOSE)
    (folder / "linked").symlink_to("../outside")
    assert fmt() == (0, "", "")
    assert Path("outside/b.cedar").read_text() == LOOSE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no `policies`: name a file or directory of policies"),
        (["nowhere.cedar"], "there is no `nowhere.cedar`: name a file or directory of policies"),
        (["empty"], "there are no policies in `empty`: name files, or directories with `*.cedar`"),
        (["-", "a.cedar"], "`-` stands alone: name files, or give one on standard input"),
        (["--config", "toolgate.yaml", "empty"], "`--config` names the directory: leave out the paths"),
        (["empty/fifo"], "`empty/fifo` is a link or no regular file: name the file itself"),
    ],
)
def test_what_cannot_be_done_is_said(fmt: Fmt, arguments: list[str], message: str) -> None:
    Path("empty").mkdir()
    os.mkfifo("empty/fifo")
    assert fmt(*arguments) == (2, "", f"toolgate: {message}\n")


def test_its_help_has_an_example(fmt: Fmt) -> None:
    code, out, _ = fmt("--help")
    assert code == 0
    assert "Example: toolgate fmt --check --diff" in out
