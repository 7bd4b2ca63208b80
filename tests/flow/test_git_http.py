"""A repository behind HTTP: credentials, servers that misbehave, and what of that reaches a message."""

import base64
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.lifecycle.activate import ActiveBundle
from pdp.lifecycle.git.environment import GitAccess
from pdp.lifecycle.git.source import GitBounds
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.standing import Trouble
from tests.flow.git_server import GitServer, Mood, serving
from tests.git_repository import FORBID, Repository

ACCESS = GitAccess(user="ci", password="hunter2hunter2")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "served").mkdir()
    repository = Repository(tmp_path / "served" / "policies.git")
    repository.commit()
    return repository


@pytest.fixture
def server(repository: Repository) -> Iterator[GitServer]:
    with serving(GitServer(repository.path.parent)) as server:
        yield server


def test_a_repository_is_read_over_http(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    source = repository.source(tmp_path / "copy", url=server.url())
    assert len(source.fetch(source.look())) == 2
    repository.commit({"policies/b.cedar": FORBID})
    seen = source.look()
    assert (seen.serial, len(source.fetch(seen))) == (2, 3)


def test_a_look_at_what_has_not_changed_asks_for_no_objects(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    source = repository.source(tmp_path / "copy", url=server.url())
    first = source.look()
    server.asked.clear()
    assert source.look() == first
    assert len(server.asked) == 2  # the capabilities, and the one reference
    later = repository.source(tmp_path / "copy", url=server.url())
    server.asked.clear()
    assert later.look() == first
    assert len(server.asked) == 2


def test_credentials_let_in_and_are_in_no_message_and_no_file(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    server.credentials = "ci:hunter2hunter2"
    source = repository.source(tmp_path / "copy", url=server.url(), access=ACCESS)
    assert source.look().serial == 1
    assert "hunter2" not in source.name
    for access in (GitAccess(), GitAccess(user="ci", password="wrong-wrong")):
        with pytest.raises(SourceError) as refused:
            repository.source(tmp_path / "other", url=server.url(), access=access).look()
        assert server.url() in str(refused.value)
    held = b"".join(path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert b"hunter2" not in held
    assert base64.b64encode(b"ci:hunter2hunter2") not in held


def test_a_server_that_repeats_credentials_gets_them_into_no_message(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    server.mood = Mood.REPEATS
    with pytest.raises(SourceError) as refused:
        repository.source(tmp_path / "copy", url=server.url(), access=ACCESS).look()
    assert "not with Basic ***" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_nobody_is_followed_elsewhere(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    other = GitServer(repository.path.parent)
    with serving(other):
        server.mood, server.target = Mood.REDIRECTS, f"http://127.0.0.1:{other.port}"
        with pytest.raises(SourceError, match="302"):
            repository.source(tmp_path / "copy", url=server.url(), access=ACCESS).look()
    assert other.asked == []


def standing(active: ActiveBundle) -> tuple[Trouble | None, int]:
    return active.standing.trouble, active.bundle.manifest.serial


def test_a_download_that_was_cut_short_is_tried_again_and_leaves_nothing(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    active = repository.active(tmp_path / "state", repository.source(tmp_path / "copy", url=server.url()))
    active.activate()
    server.mood = Mood.TRUNCATES
    repository.commit({"policies/b.cedar": FORBID, "noise": random.Random(1).randbytes(50_000)})
    active.refresh()
    assert standing(active) == (Trouble.UNAVAILABLE, 1)
    assert list((tmp_path / "copy").rglob("tmp_*")) == []
    server.mood = Mood.FINE
    active.refresh()
    assert standing(active) == (None, 2)


def test_a_server_that_hangs_costs_no_more_than_the_time_allowed(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    server.mood = Mood.HANGS
    with pytest.raises(SourceError, match="longer than `timeout` allows"):
        repository.source(tmp_path / "copy", url=server.url(), bounds=GitBounds(timeout=1.0)).look()


def test_a_server_that_speaks_no_git_is_not_believed(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    server.mood = Mood.GARBLES
    with pytest.raises(SourceError):
        repository.source(tmp_path / "copy", url=server.url()).look()


def test_while_the_server_is_away_the_last_good_bundle_decides_also_after_a_restart(
    repository: Repository, tmp_path: Path
) -> None:
    server = GitServer(repository.path.parent)
    with serving(server):
        active = repository.active(tmp_path / "state", repository.source(tmp_path / "copy", url=server.url()))
        active.activate()
    active.refresh()
    assert active.standing.trouble is Trouble.UNAVAILABLE
    restarted = repository.active(tmp_path / "state", repository.source(tmp_path / "copy", url=server.url()))
    restarted.activate()
    assert restarted.bundle.manifest == active.bundle.manifest
    assert restarted.standing.trouble is Trouble.UNAVAILABLE
    with serving(server):
        repository.commit({"policies/b.cedar": FORBID})
        restarted.refresh()
    assert standing(restarted) == (None, 2)
