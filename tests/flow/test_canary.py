"""A canary beside the active bundle, as its operator sees it: `toolgate serve`, calls, `toolgate diff --live`."""

import json
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.pdp_process import POLICY, QUESTION, Pdp, running, set_up, toolgate_here

CANARY = "\n  bundles: {canary: {percent: 100, policies: next/policies, schemas: next/schemas}}\n"
FREEZE = f"""\
{POLICY}
@id("freeze")
@message("nothing goes before monday")
forbid (principal, action, resource);
"""
BOB = QUESTION | {"subject": {"type": "user", "id": "dev|bob"}}


@pytest.fixture
def base(tmp_path: Path, root: Path) -> Path:
    """A decision point whose canary forbids what the active bundle allows."""
    set_up(tmp_path, root=root)
    (tmp_path / "next").mkdir()
    set_up(tmp_path / "next", root=root)
    (tmp_path / "next" / "policies" / "alice.cedar").write_text(FREEZE)
    config = tmp_path / "toolgate.yaml"
    config.write_text(config.read_text().replace("\n  reload_interval", f"{CANARY}  reload_interval"))
    return tmp_path


def ask(pdp: Pdp, question: Mapping[str, Any] = QUESTION) -> dict[str, Any]:
    answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=question, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def differences(base: Path, *arguments: str, code: int) -> list[dict[str, Any]]:
    ended = toolgate_here(base, "diff", "--live", "--json", *arguments)
    assert (ended.returncode, ended.stderr) == (code, ""), ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def standing(pdp: Pdp) -> dict[str, Any]:
    state = httpx.get(f"{pdp.address}/readyz", trust_env=False).json()
    assert state["ready"] is True
    found: dict[str, Any] = state["canary"]
    return found


def reload(pdp: Pdp, *, until: str) -> Mapping[str, Any]:
    pdp.seen[:] = [event for event in pdp.seen if event["event"] != until]
    pdp.process.send_signal(signal.SIGHUP)
    return pdp.until(until)


def test_what_a_canary_would_forbid_is_shown_after_calls_and_after_a_restart(base: Path) -> None:
    with running(base) as pdp:
        taken = pdp.until("canary_taken")["bundle"]
        answers = [ask(pdp) for _ in range(5)] + [ask(pdp, BOB)]
        assert [answer["decision"] for answer in answers] == [True] * 5 + [False]
        assert pdp.stop() == 0
    (one,) = differences(base, code=1)
    active = answers[0]["context"]["toolgate"]
    assert (one["shadow"], one["beside"]) == (taken, [{"generation": 1, "bundle": active["bundle"]}])
    assert (one["compared"], one["skipped"], one["incomparable"], one["different"]) == (6, 0, 0, 6)
    assert one["changes"] == {"allow_to_deny": 5, "reason_code": 1}
    first, second = one["groups"]
    assert (first["tool"], first["change"], first["count"]) == ("git/git_log", "allow_to_deny", 5)
    assert (first["active_policies"], first["shadow_policies"]) == ({"alice-reads": 5}, {"freeze": 5})
    assert first["example"]["principal"] == "dev|alice"
    assert first["example"]["decision_id"] in {answer["context"]["toolgate"]["decision_id"] for answer in answers}
    assert (second["change"], second["example"]["principal"]) == ("reason_code", "dev|bob")
    assert "/srv" not in json.dumps(one)
    with running(base) as pdp:
        pdp.until("canary_taken")
        ask(pdp)
        assert pdp.stop() == 0
    (again,) = differences(base, code=1)
    assert (again["compared"], again["different"]) == (7, 7)
    assert differences(base, "--shadow", taken[:20], code=1) == [again]
    table = toolgate_here(base, "diff", "--live", "--since", "1h")
    assert table.returncode == 1
    assert f"canary {taken}\n" in table.stdout
    assert "7 compared, 0 incomparable, 0 skipped, 7 different" in table.stdout


def _timeless(answer: httpx.Response) -> bytes:
    """The answer without what another one of the same kind has otherwise: its id and time."""
    toolgate = answer.json()["context"]["toolgate"]
    content = answer.content
    for name in ("decision_id", "decided_at"):
        content = content.replace((toolgate[name] or "null").encode(), b"")
    return content


def test_the_active_answers_are_the_same_with_and_without_a_canary(base: Path) -> None:
    config = base / "toolgate.yaml"
    with_canary = config.read_text()
    questions = [QUESTION, BOB, QUESTION | {"resource": {"type": "tool", "id": "git/none"}}, QUESTION | {"context": {}}]
    given: list[list[bytes]] = []
    for text in (with_canary, with_canary.replace(CANARY, "\n")):
        config.write_text(text)
        with running(base) as pdp:
            if CANARY in text:
                pdp.until("canary_taken")
            answers = [
                httpx.post(f"{pdp.address}/access/v1/evaluation", json=one, trust_env=False) for one in questions
            ]
            given.append([_timeless(one) for one in answers])
            assert pdp.stop() == 0
    assert given[0] == given[1]


def test_a_broken_canary_is_told_and_leaves_the_active_bundle_and_the_last_canary(base: Path) -> None:
    policy = base / "next" / "policies" / "alice.cedar"
    with running(base) as pdp:
        taken = pdp.until("canary_taken")["bundle"]
        policy.write_text("permit (")
        problem = reload(pdp, until="canary_not_taken")
        assert (problem["trouble"], "policies/alice.cedar:1" in problem["problems"][0]) == ("bundle_refused", True)
        now = standing(pdp)
        assert (now["bundle"], now["trouble"], now["failures"]) == (taken, "bundle_refused", 1)
        assert ask(pdp)["decision"] is True
        policy.write_text(POLICY)
        mended = reload(pdp, until="canary_taken")["bundle"]
        assert (standing(pdp)["bundle"], standing(pdp)["error"]) == (mended, None)
        assert ask(pdp)["decision"] is True
        assert pdp.stop() == 0
    first, second = differences(base, code=1)
    assert (first["shadow"], first["different"], second["shadow"], second["different"]) == (taken, 1, mended, 0)
    (only,) = differences(base, "--shadow", mended, code=0)
    assert (only["compared"], only["groups"]) == (1, [])


def test_a_canary_that_was_never_good_keeps_nothing_from_starting(base: Path) -> None:
    (base / "next" / "policies" / "alice.cedar").write_text("permit (")
    with running(base) as pdp:
        pdp.until("canary_not_taken")
        assert ask(pdp)["decision"] is True
        assert standing(pdp)["bundle"] is None
        assert pdp.stop() == 0
    ended = toolgate_here(base, "diff", "--live")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "nothing was compared: `pdp.bundles.canary` names a bundle" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "toolgate diff --live"),
        (("--live", "--since", "yesterday"), "--since"),
        (("--live", "--limit", "0"), "--limit"),
        (("--live", "--log-url", "sqlite:///none.db"), "there is no decision log"),
        (("--live", "--config", "missing.yaml"), "missing.yaml"),
    ],
)
def test_what_cannot_be_said_says_why(base: Path, arguments: tuple[str, ...], why: str) -> None:
    ended = toolgate_here(base, "diff", *arguments)
    assert (ended.returncode, ended.stdout, why in ended.stderr, "Traceback" in ended.stderr) == (2, "", True, False)


def test_a_log_of_another_version_is_refused_and_left_as_it_is(base: Path) -> None:
    with running(base) as pdp:
        assert pdp.stop() == 0
    with closing(sqlite3.connect(base / "log.db")) as log:
        log.execute("PRAGMA user_version = 3")
    ended = toolgate_here(base, "diff", "--live")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "is a decision log of version 3, this program uses version 5" in ended.stderr
