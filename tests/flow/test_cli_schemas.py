"""`toolgate schemas` as a command, with servers that change and servers that are hostile."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pdp.core.catalog.reading import read_catalog
from tests.flow.gateway_host import SERVERS
from tests.flow.servers.hostile import BAD_TOOLS, GOOD, NAMES, tool
from tests.snapshots import tool_path, tool_snapshot

TOOLGATE = str(Path(sys.executable).parent / "toolgate")
HOSTILE = str(SERVERS / "hostile.py")
FAST = {"upstream_start_timeout": "8s", "upstream_timeout": "8s"}


@dataclass
class Place:
    """A folder with a configuration; `offer` is what the server called `shifting` lists beside `good`."""

    path: Path
    servers: dict[str, Any] = field(default_factory=dict)

    @property
    def schemas(self) -> Path:
        return self.path / "schemas"

    def hostile(self, *tricks: str) -> "Place":
        for trick in tricks:
            name = trick.replace("_", "-")
            self.servers[name] = {"command": sys.executable, "args": [HOSTILE, trick, str(self.path / "offer.json")]}
        return self.configured()

    def configured(self) -> "Place":
        settings = {"version": 1, "gateway": FAST, "mcpServers": self.servers}
        (self.path / "toolgate.yaml").write_text(yaml.safe_dump(settings))
        return self

    def offer(self, *tools: dict[str, Any]) -> None:
        (self.path / "offer.json").write_text(json.dumps(tools))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TOOLGATE, "schemas", *arguments], cwd=self.path, capture_output=True, text=True, check=False, timeout=60
        )

    def written(self) -> dict[str, bytes]:
        """Every file that is neither the configuration nor what is offered."""
        found = (path for path in sorted(self.path.rglob("*")) if path.is_file())
        names = {path.relative_to(self.path).as_posix(): path for path in found}
        return {name: p.read_bytes() for name, p in names.items() if name not in {"toolgate.yaml", "offer.json"}}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "place").mkdir()
    return Place(tmp_path / "place")


@pytest.fixture
def shifting(place: Place) -> Place:
    """A server whose tools `good` and `shifting` are approved."""
    place.hostile("shifting").offer(tool("shifting"))
    done = place.run("pull")
    assert (done.returncode, done.stdout) == (0, "shifting/good: new\nshifting/shifting: new\n")
    return place


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert all(character.isprintable() for character in done.stdout.replace("\n", "")), "acts on a terminal"
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()


def headlines(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What is said of each definition and server."""
    told = [line.partition(": ") for line in lines(done) if not line.startswith(" ")]
    return {name: state for name, _, state in told}


def reasons(done: subprocess.CompletedProcess[str], headline: str) -> list[str]:
    after = lines(done)[lines(done).index(headline) + 1 :]
    stop = next((number for number, line in enumerate(after) if not line.startswith(" ")), len(after))
    return after[:stop]


def pin(done: subprocess.CompletedProcess[str]) -> str:
    return next(line.removeprefix("  offered: ") for line in lines(done) if line.startswith("  offered: "))


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str | None]:
    servers = json.loads(done.stdout)["servers"]
    return {found["id"]: found["outcome"] for server in servers for found in server["definitions"]}


# pull


def test_a_bad_definition_of_each_sort_is_named_and_the_rest_is_written(place: Place) -> None:
    done = place.hostile("everything_bad").run("pull")
    assert done.returncode == 1
    told = headlines(done)
    assert told.pop("everything-bad/good") == "new"
    assert told.pop("everything-bad/no-schema") == "refused"
    assert told.pop("everything-bad") == "one of its tools: refused"
    assert told == {f"everything-bad/{name}": "refused" for name in BAD_TOOLS}
    for name in (*BAD_TOOLS, "no-schema"):
        assert reasons(done, f"everything-bad/{name}: refused") != [], name
    assert place.written() == {tool_path("everything-bad", "good"): tool_snapshot(GOOD)}
    assert place.run("pull").stdout == done.stdout.replace("good: new", "good: as approved")


async def test_servers_behind_http_are_pulled_just_so(place: Place) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, HOSTILE, "everything_bad", "http", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        place.servers["web"] = {"url": f"http://127.0.0.1:{int(await server.stdout.readline())}/"}
        done = await asyncio.to_thread(place.configured().run, "pull")
    finally:
        server.kill()
        await server.wait()
    assert (done.returncode, list(place.written())) == (1, [tool_path("web", "good")])
    assert headlines(done).keys() >= {f"web/{name}" for name in BAD_TOOLS}


def test_a_name_leads_to_one_file_below_its_server_or_is_refused(place: Place) -> None:
    done = place.hostile("names").run("pull")
    assert done.returncode == 1
    expected = {tool_path("names", name): tool_snapshot(tool(name)) for name in NAMES["fine"]}
    assert place.written() == expected
    assert {path.count("/") for path in expected} == {2}
    states = list(headlines(done).values())
    assert (states.count("new"), states.count("refused")) == (len(NAMES["fine"]), len(NAMES["refused"]))
    again = place.run("pull")
    assert (again.stdout, place.written()) == (done.stdout.replace(": new", ": as approved"), expected)


def test_every_kind_has_its_folder(place: Place) -> None:
    done = place.hostile("every_kind").run("pull")
    assert done.returncode == 1
    assert list(place.written()) == [
        "schemas/every-kind/good.json",
        "schemas/every-kind/prompts/greet.json",
        "schemas/every-kind/resources/note%3A%2F%2F..%2F..%2Fa%20b%3F%C3%BC.json",
        "schemas/every-kind/templates/note%3A%2F%2F%7Bid%7D.json",
    ]
    assert [line for line in lines(done) if line.endswith(": refused")] == [
        "every-kind/prompts/bad: refused",
        "every-kind/resources/note%3A%2F%2Fb: refused",
        "every-kind: one of its prompts: refused",
        "every-kind: one of its templates: refused",
    ]


def test_names_offered_twice_and_twins_are_refused(place: Place) -> None:
    done = place.hostile("duplicates").run("pull")
    assert (done.returncode, list(place.written())) == (1, [tool_path("duplicates", "good")])
    assert headlines(done) == {
        "duplicates/Echo": "refused",
        "duplicates/echo": "refused",
        "duplicates/good": "new",
        "duplicates/twice": "refused",
        "duplicates/%D0%B5cho": "refused",
    }
    assert reasons(done, "duplicates/twice: refused") == ["  the server offers it 2 times"]
    assert reasons(done, "duplicates/echo: refused") == ["  its name can be taken for `Echo`, `еcho`"]  # noqa: RUF001


def test_what_a_pull_writes_a_decision_point_takes(place: Place) -> None:
    assert place.hostile("everything_bad", "names", "every_kind", "duplicates").run("pull").returncode == 1
    catalog = read_catalog(b"version: 1\n", file="catalog.yaml", snapshots=place.written())
    names = {f"names/{name}" for name in NAMES["fine"]}
    assert {one.id for one in catalog.tools()} == {"everything-bad/good", "every-kind/good", "duplicates/good", *names}


def test_servers_that_fail_are_named_and_the_others_are_done(place: Place) -> None:
    place.servers["gone"] = {"command": "/nowhere/server"}
    done = place.hostile("endless", "many", "number_cursor", "bottomless", "deep", "restless", "unannounced").run(
        "pull"
    )
    assert done.returncode == 1
    told = headlines(done)
    assert told.pop("gone").startswith("`/nowhere/server` cannot be started")
    assert told.pop("bottomless").startswith("the process wrote a line that is no message")
    assert told == {
        "endless": "the server's tool list has more than 1000 pages",
        "many": "the server lists more than 10000 tools",
        "number-cursor": "the server's tool list has a cursor that repeats or is no string",
        "restless": "the server's lists change whenever they are read",
        "deep/good": "new",
        "deep/well": "refused",
        "unannounced/good": "new",
    }
    assert "  nests 164 levels deep, the limit is 64" in done.stdout
    assert list(place.written()) == [tool_path("deep", "good"), tool_path("unannounced", "good")]


def test_a_pull_never_overwrites_what_is_approved(shifting: Place) -> None:
    before = shifting.written()
    shifting.offer(tool("shifting", description="does evil"), tool("added"))
    done = shifting.run("pull")
    assert (done.returncode, lines(done)) == (
        1,
        [
            "shifting/added: new",
            "shifting/good: as approved",
            "shifting/shifting: changed, left as it was: see `toolgate schemas diff shifting`",
        ],
    )
    assert shifting.written() == before | {tool_path("shifting", "added"): tool_snapshot(tool("added"))}
    shifting.offer()
    assert headlines(shifting.run("pull"))["shifting/added"].startswith("no longer offered, left as it was")
    assert shifting.written().keys() == before.keys() | {tool_path("shifting", "added")}


# diff


def test_a_difference_is_told_in_words(shifting: Place) -> None:
    assert (shifting.run("diff").returncode, shifting.run("diff", "shifting").stdout) == (
        0,
        "shifting: 2 as approved\n",
    )
    shifting.offer(tool("shifting", description="does evil"), tool("added"))
    done = shifting.run("diff")
    assert done.returncode == 1
    assert headlines(done) == {
        "shifting/added": "new",
        "shifting/shifting": "changed",
        "shifting": "1 as approved, 1 new, 1 changed",
    }
    assert reasons(done, "shifting/shifting: changed")[0] == "  wording: `description`: `good` became `evil`"
    shifting.offer()
    done = shifting.run("diff")
    assert (done.returncode, headlines(done)["shifting/shifting"]) == (1, "no longer offered")


def test_without_servers_there_is_nothing_to_ask(place: Place) -> None:
    done = place.configured().run("diff")
    assert (done.returncode, "there are no `mcpServers` in `toolgate.yaml`" in done.stderr) == (2, True)


def test_without_an_answer_there_is_no_difference_to_tell(shifting: Place) -> None:
    shifting.servers["gone"] = {"command": "/nowhere/server"}
    done = shifting.configured().run("diff")
    assert done.returncode == 2
    assert headlines(done)["shifting"] == "2 as approved"


def test_a_twin_of_an_approved_name_is_called_out(shifting: Place) -> None:
    shifting.offer(tool("shifting"), tool("G\u043e\u043ed"))
    done = shifting.run("diff")
    assert (done.returncode, headlines(done)["shifting/G%D0%BE%D0%BEd"]) == (1, "refused")
    assert reasons(done, "shifting/G%D0%BE%D0%BEd: refused") == ["  its name can be taken for `good`"]
    assert shifting.run("approve", "--all", "--yes").returncode == 1
    assert len(shifting.written()) == 2


def test_json_has_the_same_facts(shifting: Place) -> None:
    shifting.offer(tool("shifting", description="does evil\x1b[2J"), tool("added"))
    shifting.servers["gone"] = {"command": "/nowhere/server"}
    done = shifting.configured().run("diff", "--json")
    gone, found = sorted(json.loads(done.stdout)["servers"], key=lambda server: str(server["server"]))
    assert (gone["server"], gone["definitions"], "cannot be started" in gone["failure"]) == ("gone", [], True)
    added, good, changed = found["definitions"]
    assert (added["id"], added["state"], added["approved"]) == ("shifting/added", "new", None)
    assert good == {
        "id": "shifting/good",
        "kind": "tool",
        "name": "good",
        "state": "approved",
        "approved": good["offered"],
        "offered": good["approved"],
        "changes": [],
        "reasons": [],
        "twins": [],
        "outcome": None,
    }
    assert (changed["state"], changed["offered"] == changed["approved"]) == ("refused", False)
    assert done.stdout.isascii()
    assert outcomes(shifting.run("pull", "--json")) == {
        "shifting/added": "written",
        "shifting/good": None,
        "shifting/shifting": None,
    }
    shifting.offer(tool("added", description="does more"))
    assert outcomes(shifting.run("approve", "--all", "--yes", "--json")) == {
        "shifting/added": "written",
        "shifting/good": None,
        "shifting/shifting": "removed",
    }


# approve


def test_what_is_approved_is_what_was_shown_and_then_nothing_differs(shifting: Place) -> None:
    shifting.offer(tool("shifting", description="does more"), tool("added"))
    done = shifting.run("approve", "shifting/shifting", "--yes")
    assert (done.returncode, lines(done)[0], lines(done)[-1]) == (
        0,
        "shifting/shifting: changed",
        "shifting/shifting: written",
    )
    assert lines(done)[1] == "  wording: `description`: `good` became `more`"
    expected = tool_snapshot(tool("shifting", description="does more"))
    assert shifting.written()[tool_path("shifting", "shifting")] == expected
    assert tool_path("shifting", "added") not in shifting.written()
    assert headlines(shifting.run("diff")) == {"shifting/added": "new", "shifting": "2 as approved, 1 new"}


def test_all_that_differs_is_approved_at_once_and_what_is_gone_is_removed(shifting: Place) -> None:
    shifting.offer(tool("added"))
    done = shifting.run("approve", "--all", "shifting", "--yes")
    assert (done.returncode, lines(done)[-2:]) == (0, ["shifting/added: written", "shifting/shifting: removed"])
    assert shifting.written() == {
        tool_path("shifting", "good"): tool_snapshot(GOOD),
        tool_path("shifting", "added"): tool_snapshot(tool("added")),
    }
    assert (shifting.run("approve", "--all", "--yes").stdout, shifting.run("diff").returncode) == ("", 0)


def test_another_definition_than_the_one_that_was_reviewed_is_not_approved(shifting: Place) -> None:
    before = shifting.written()
    shifting.offer(tool("shifting", description="does more"))
    reviewed = pin(shifting.run("diff"))
    shifting.offer(tool("shifting", description="does evil"))
    done = shifting.run("approve", "shifting/shifting", "--yes", "--digest", reviewed)
    assert done.returncode == 1
    assert lines(done)[-1] == (
        "  not approved: the server offers another definition now, see `toolgate schemas diff shifting`"
    )
    assert shifting.written() == before
    shifting.offer(tool("shifting", description="does more"))
    assert shifting.run("approve", "shifting/shifting", "--yes", "--digest", reviewed).returncode == 0
    assert shifting.run("diff").returncode == 0


def test_what_is_refused_cannot_be_approved(shifting: Place) -> None:
    before = shifting.written()
    shifting.offer(tool("shifting", description="does\u200bevil"), tool("good"), tool("\x1b[2Jx"))
    done = shifting.run("approve", "--all", "--yes")
    assert done.returncode == 1
    assert set(headlines(done).values()) == {"refused"}
    assert lines(done).count("  not approved: it is refused") == 3
    assert shifting.written() == before


def test_nothing_is_approved_without_being_asked_for(shifting: Place) -> None:
    before = shifting.written()
    shifting.offer(tool("shifting", description="does more"))
    done = shifting.run("approve", "shifting/shifting")
    assert (done.returncode, "nobody can be asked here: say `--yes`" in done.stderr) == (2, True)
    assert shifting.run("approve", "--yes").returncode == 2
    assert shifting.run("approve", "--all", "--yes", "--digest", "sha256:0").returncode == 2
    for wrong in ("shifting/other", "other/good", "shifting", "../x/y"):
        done = shifting.run("approve", wrong, "--yes")
        assert (done.returncode, f"`{wrong.partition('/')[0]}" in done.stderr) == (2, True), wrong
    assert shifting.written() == before


@pytest.mark.parametrize(("typed", "status", "approved"), [("y\n", 0, True), ("n\n", 1, False)])
def test_on_a_terminal_somebody_is_asked(shifting: Place, typed: str, status: int, *, approved: bool) -> None:
    shifting.offer(tool("shifting", description="does more"))
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        done = subprocess.run(
            [TOOLGATE, "schemas", "approve", "shifting/shifting"],
            cwd=shifting.path,
            stdin=theirs,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, "Approve 1 definition?" in done.stderr) == (status, True)
    is_new = shifting.written()[tool_path("shifting", "shifting")] != tool_snapshot(tool("shifting"))
    assert is_new is approved


# the folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def test_nothing_is_written_through_a_link(place: Place, elsewhere: Path) -> None:
    place.hostile("unannounced").schemas.mkdir()
    (place.schemas / "unannounced").symlink_to(elsewhere, target_is_directory=True)
    for verb in (["pull"], ["diff"], ["approve", "--all", "--yes"]):
        done = place.run(*verb)
        assert (done.returncode, "is a link" in done.stderr) == (2, True)


def test_a_folder_of_a_kind_that_is_a_link_is_not_written_through(place: Place, elsewhere: Path) -> None:
    (place.hostile("every_kind").schemas / "every-kind").mkdir(parents=True)
    (place.schemas / "every-kind" / "prompts").symlink_to(elsewhere, target_is_directory=True)
    done = place.run("pull")
    assert (done.returncode, "is a link" in done.stderr) == (2, True)
    assert [path.name for path in place.schemas.rglob("*")] == ["every-kind", "prompts"]


def test_a_snapshot_that_is_a_link_is_broken_and_its_target_stays(shifting: Place, tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    path = shifting.schemas / "shifting" / "shifting.json"
    target.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(target)
    done = shifting.run("diff")
    assert (done.returncode, headlines(done)["shifting/shifting"]) == (1, "its snapshot is broken")
    assert shifting.run("approve", "shifting/shifting", "--yes").returncode == 2
    assert (path.is_symlink(), target.read_bytes()) == (True, tool_snapshot(tool("shifting")))


def test_a_file_that_is_no_snapshot_is_named_and_left(shifting: Place) -> None:
    stray = shifting.schemas / "shifting" / "deeper" / "x.json"
    stray.parent.mkdir()
    stray.write_text("{}")
    (shifting.schemas / "shifting" / "good.json").write_text("{")
    done = shifting.run("pull")
    assert (done.returncode, set(headlines(done).values())) == (
        1,
        {"its snapshot is broken, left as it was: see `toolgate schemas diff shifting`", "as approved"},
    )
    done = shifting.run("approve", "--all", "--yes")
    assert (done.returncode, lines(done)[-1]) == (1, "shifting/good: written")
    assert (stray.read_text(), shifting.written()[tool_path("shifting", "good")]) == ("{}", tool_snapshot(GOOD))
