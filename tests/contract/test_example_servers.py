"""What the example policies take for granted of the servers they are about, asked of the real ones."""

import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent

from pdp.core.bundle.bundle import build
from pdp.core.catalog.definitions.definition import pin_of
from pdp.lifecycle.directory import DirectorySource
from tests.conftest import RequireTool

Server = tuple[str, list[str], Path]

Call = tuple[str, Mapping[str, Any]]

FILE_NAMES = (
    "public/prices.md",
    "./public//prices.md",
    "public/../private/salaries.csv",
    "../outside.txt",
    "public%2fprices.md",
    "drafts/.env",
    "public/link/salaries.csv",
)
GIT = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def files(tmp_path: Path, require_tool: RequireTool) -> Server:
    program = require_tool("mcp-server-filesystem", install="apt-get install nodejs npm; make setup")
    root = tmp_path / "files"
    for name in ("public/prices.md", "publicity/plans.md", "private/salaries.csv", "drafts/.env", "drafts/post.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (tmp_path / "outside.txt").write_text("outside")
    return program, ["."], root


@pytest.fixture
def git(tmp_path: Path, require_tool: RequireTool) -> Server:
    program = require_tool("git", install="apt-get install git")
    root = tmp_path / "repositories"
    for name in ("demo", "payroll"):
        (root / name).mkdir(parents=True)
        _run(program, "init", "--quiet", "--initial-branch=main", at=root / name)
        for number in range(12):
            message = f"{name} {number}"
            _run(program, *GIT, "commit", "--quiet", "--allow-empty", "--message", message, at=root / name)
    return str(Path(sys.executable).parent / "mcp-server-git"), [], root


@pytest.fixture
def clock(tmp_path: Path) -> Server:
    return str(Path(sys.executable).parent / "mcp-server-time"), [], tmp_path


def _run(*command: str, at: Path) -> None:
    subprocess.run(command, cwd=at, check=True, capture_output=True)


@asynccontextmanager
async def session(server: Server) -> AsyncIterator[ClientSession]:
    program, arguments, folder = server
    parameters = StdioServerParameters(command=program, args=arguments, cwd=folder)
    with (folder.parent / "server.log").open("w") as log:
        async with stdio_client(parameters, errlog=log) as streams, ClientSession(*streams) as client:
            await client.initialize()
            yield client


async def asked(server: Server, *calls: Call) -> list[tuple[str, str]]:
    """For each call, in one session: `ok` or `error`, and the text of the answer."""
    answers = []
    async with session(server) as client:
        for tool, arguments in calls:
            result = await client.call_tool(tool, dict(arguments))
            assert isinstance(result, CallToolResult)
            text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
            answers.append(("error" if result.is_error else "ok", text))
    return answers


@pytest.mark.parametrize("name", ["clock", "files", "git"])
async def test_the_snapshots_are_what_the_server_offers(name: str, root: Path, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(name)
    approved = build(DirectorySource(policies=root / "policies", schemas=root / "schemas").fetch(), max_age=1.0).catalog
    alias = "time" if name == "clock" else name
    async with session(server) as client:
        offered = (await client.list_tools()).tools
    plain = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in offered]
    live = {f"{alias}/{definition['name']}": pin_of(definition) for definition in plain}
    assert live == {tool.id: tool.pin for tool in approved.tools() if tool.server == alias}


async def test_the_file_server_reads_names_as_the_policies_expect(files: Server) -> None:
    root = files[2]
    (root / "public" / "link").symlink_to(root / "private")
    found = await asked(
        files,
        *(("read_text_file", {"path": path}) for path in FILE_NAMES),
        ("read_text_file", {"path": str(root / "private" / "salaries.csv")}),
        ("list_directory", {"path": "."}),
    )
    states = dict(zip(FILE_NAMES, found, strict=False))
    # relative paths start at the root, whatever their spelling
    assert states["public/prices.md"] == states["./public//prices.md"] == ("ok", "public/prices.md")
    # dots are followed within the root: a path has to be brought to one form before a pattern sees it
    assert states["public/../private/salaries.csv"] == ("ok", "private/salaries.csv")
    assert states["../outside.txt"][0] == "error"
    # percent signs are not decoded: the decided path is forwarded, so the two readings never meet
    assert states["public%2fprices.md"][0] == "error"
    # nothing is hidden from the server: `no-hidden-files` has to
    assert states["drafts/.env"] == ("ok", "drafts/.env")
    # a link leads where no policy can see, the limit that docs/writing-policies.md names
    assert states["public/link/salaries.csv"] == ("ok", "private/salaries.csv")
    # absolute paths are taken, and no relative pattern of a forbid would match them: `relative-paths`
    absolute, listing = found[-2:]
    assert absolute == ("ok", "private/salaries.csv")
    assert {"[DIR] public", "[DIR] publicity"} <= set(listing[1].splitlines())


async def test_the_git_server_reads_names_and_numbers_as_the_policies_expect(git: Server) -> None:
    status, missing, other, all_commits, some_commits = await asked(
        git,
        ("git_status", {"repo_path": "demo"}),
        ("git_status", {"repo_path": "nowhere"}),
        ("git_log", {"repo_path": "demo/../payroll", "max_count": 1}),
        ("git_log", {"repo_path": "demo", "max_count": -1}),
        ("git_log", {"repo_path": "demo"}),
    )
    # a repository is named from where the server runs, and dots lead to another one
    assert (status[0], missing[0], other[0]) == ("ok", "error", "ok")
    assert "payroll 11" in other[1]
    # minus one is no limit at all, so `short-logs` has a lower bound; no number is ten, so it asks for none
    assert (all_commits[1].count("Commit: "), some_commits[1].count("Commit: ")) == (12, 10)


async def test_git_refuses_the_names_of_branches_that_a_pattern_could_be_fooled_with(git: Server) -> None:
    names = ("feature/../main", "feature/", "feature/..", "feature/a\\b", "feature/a b", "feature/%2e%2e")
    create = [("git_create_branch", {"repo_path": "demo", "branch_name": name}) for name in names]
    check_out = ("git_checkout", {"repo_path": "demo", "branch_name": "feature/%2e%2e"})
    listing = ("git_branch", {"repo_path": "demo", "branch_type": "local"})
    *found, (_, branches) = await asked(git, *create, check_out, listing)
    assert [state for state, _ in found] == ["error"] * 5 + ["ok", "ok"]
    assert [line.strip("* ") for line in branches.splitlines()] == ["feature/%2e%2e", "main"]
