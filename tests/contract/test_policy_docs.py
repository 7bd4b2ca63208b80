"""The guides for policy writers: their commands run and say what stands there, their examples are real."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.core.bundle.bundle import build
from pdp.core.bundle.content import CATALOG_FILE
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark, RiskLevel
from pdp.lifecycle.directory import DirectorySource
from pdp.policytest.cases import read_cases
from pdp.policytest.run import run

_ROOT = Path(__file__).resolve().parents[2]
_GUIDES = ("testing-policies.md", "writing-policies.md")
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def _blocks(guide: str, *kinds: str) -> Iterator[tuple[str, str]]:
    for match in _BLOCK.finditer((_ROOT / "docs" / guide).read_text()):
        if match["kind"] in kinds:
            yield match["kind"], match["text"]


def _yaml(member: str) -> str:
    """The guide's one YAML block that has `member`."""
    (block,) = (text for _, text in _blocks("writing-policies.md", "yaml") if member in text.splitlines())
    return block


def _sources() -> dict[str, bytes]:
    return dict(DirectorySource(policies=_ROOT / "policies", schemas=_ROOT / "schemas").fetch())


@pytest.mark.parametrize("guide", _GUIDES)
def test_the_commands_run_and_print_what_stands_below_them(guide: str, tmp_path: Path) -> None:
    for part in ("policies", "schemas", "policy-tests"):
        shutil.copytree(_ROOT / part, tmp_path / part)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # noqa: TID251 - the edge
    printed: str | None = None
    for kind, text in _blocks(guide, "sh", "text"):
        if kind == "text":
            assert printed == text
            continue
        command = ["bash", "-euc", f"exec 2>&1\n{text}"]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        printed = done.stdout
    assert printed is not None


@pytest.mark.parametrize("block", [text for guide in _GUIDES for _, text in _blocks(guide, "cedar")])
def test_the_policies_compile(block: str) -> None:
    kept = {path: raw for path, raw in _sources().items() if not path.endswith(".cedar")}
    if "?principal" in block:
        kept["policies/guide.links.yaml"] = _yaml("links:").encode()
    assert build({**kept, "policies/guide.cedar": block.encode()}, max_age=1.0).compiled.policies


def test_the_cases_pass() -> None:
    bundle = build(_sources(), max_age=1.0)
    files = {f"{n}.yaml": text.encode() for n, (_, text) in enumerate(_blocks("testing-policies.md", "yaml"))}
    outcome = run(read_cases(files, catalog=bundle.catalog), bundle=bundle)
    assert outcome.results
    assert outcome.failed == ()


def _catalog(member: str) -> Catalog:
    """The approved tools under the guide's one catalog that has `member`."""
    kept = {path: raw for path, raw in _sources().items() if path.startswith("schemas/")}
    return build({**kept, CATALOG_FILE: b"version: 1\n" + _yaml(member).encode()}, max_age=1.0).catalog


def test_the_marks_are_marks() -> None:
    tool = _catalog("  files:").find("files/move_file")
    assert tool is not None
    assert sorted(tool.marks) == ["destination", "source"]


def test_the_catalog_says_what_stands_below_it() -> None:
    tool = _catalog("toolsets:").find("git/git_commit")
    assert tool is not None
    assert (tool.risk, tool.scopes, tool.tags) == (RiskLevel.HIGH, ("git", "git:write"), ("lasting",))
    assert tool.marks == {"repo_path": Mark.PATH, "message": Mark.SECRET}
