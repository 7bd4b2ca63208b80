"""Bundles change while decision points answer: no request fails, and each answer is of one whole bundle."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.flow.pdp_process import DEADLINE, POLICY, QUESTION, Pdp, running, set_up, toolgate

EVALUATION = "/access/v1/evaluation"
CLIENTS = 4
SWAPS = 10


def write(base: Path, policy: str) -> None:
    aside = base / "policies" / ".aside"
    aside.write_text(policy)
    aside.replace(base / "policies" / "alice.cedar")


def version(number: int) -> str:
    """A policy that says by its name which version it is."""
    return POLICY.replace("alice-reads", f"v{number}")


def look(pdp: Pdp, event: str) -> Mapping[str, Any]:
    """Have it look at its folders now, until it tells of `event`."""
    pdp.seen.clear()
    pdp.process.send_signal(signal.SIGHUP)
    return pdp.until(event)


def ready(address: str) -> Mapping[str, Any]:
    state: Mapping[str, Any] = httpx.get(f"{address}/readyz", timeout=DEADLINE).json()
    return state


def in_force(address: str) -> tuple[int, str]:
    """The generation and the policy of an answer."""
    told = httpx.post(address + EVALUATION, json=QUESTION, timeout=DEADLINE).json()["context"]["toolgate"]
    (policy,) = told["policies"]
    return told["generation"], policy


@contextmanager
def load(address: str) -> Iterator[list[tuple[int, Any]]]:
    """Clients that ask one question after the other; what they were answered, each by its status and body."""
    answers: list[tuple[int, Any]] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=DEADLINE) as client:
            while not stop.is_set():
                try:
                    answer = client.post(EVALUATION, json=QUESTION)
                    answers.append((answer.status_code, answer.json()))
                except httpx.HTTPError as error:
                    answers.append((0, repr(error)))

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_bundles_change_under_load_and_a_broken_one_changes_nothing(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    write(tmp_path, version(1))
    with running(tmp_path) as pdp:
        address = pdp.address
        first = pdp.until("bundle_activated")
        bundles = {first["generation"]: (first["bundle"], "v1")}
        with load(address) as answers:
            for number in range(2, SWAPS + 2):
                write(tmp_path, version(number))
                told = look(pdp, "bundle_activated")
                bundles[told["generation"]] = (told["bundle"], f"v{number}")
            write(tmp_path, "permit (principal")
            refused = look(pdp, "bundle_refused")
            assert refused["problems"][0].startswith("policies/alice.cedar:1")
            state = ready(address)
            assert (state["ready"], state["generation"]) == (True, SWAPS + 1)
            assert state["bundle"] == bundles[SWAPS + 1][0]
            assert state["bundle_error"].startswith("policies/alice.cedar:1")
            assert "toolgate_bundle_reload_failures_total 1.0" in httpx.get(f"{address}/metrics", timeout=DEADLINE).text
            assert in_force(address) == (SWAPS + 1, f"v{SWAPS + 1}")
            write(tmp_path, version(0))
            told = look(pdp, "bundle_activated")
            bundles[told["generation"]] = (told["bundle"], "v0")
            assert ready(address)["bundle_error"] is None
            assert in_force(address) == (SWAPS + 2, "v0")
    assert sorted(bundles) == list(range(1, SWAPS + 3))
    wrong = []
    for status, body in answers:
        answer = body["context"]["toolgate"] if status == 200 else {}
        if (answer.get("bundle"), "".join(answer.get("policies", ""))) != bundles.get(answer.get("generation", 0)):
            wrong.append((status, body))
    assert wrong == []
    assert all(body["decision"] for _, body in answers)
    assert len(answers) > CLIENTS * SWAPS


def test_a_restart_keeps_the_generation_and_a_broken_policy_the_last_good_bundle(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    write(tmp_path, "permit (principal")
    first = toolgate(tmp_path, "serve")
    assert (first.returncode, "policies/alice.cedar:1" in first.stderr) == (2, True)
    write(tmp_path, version(1))
    with running(tmp_path) as pdp:
        assert in_force(pdp.address) == (1, "v1")
        write(tmp_path, version(2))
        assert look(pdp, "bundle_activated")["generation"] == 2
    with running(tmp_path) as pdp:
        assert in_force(pdp.address) == (2, "v2")
    write(tmp_path, "permit (principal")
    with running(tmp_path) as pdp:
        assert pdp.until("bundle_restored")["generation"] == 2
        address = pdp.address
        assert in_force(address) == (2, "v2")
        state = ready(address)
        assert (state["ready"], state["generation"]) == (True, 2)
        assert state["bundle_error"].startswith("policies/alice.cedar:1")
        write(tmp_path, version(3))
        assert look(pdp, "bundle_activated")["generation"] == 3
        assert ready(address)["bundle_error"] is None
    # Content that was there before comes back under a new number.
    write(tmp_path, version(1))
    with running(tmp_path) as pdp:
        assert in_force(pdp.address) == (4, "v1")


def test_decision_points_with_one_state_agree(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    write(tmp_path, version(1))
    config = (tmp_path / "toolgate.yaml").read_text()
    (tmp_path / "second.yaml").write_text(config.replace("log.db", "second.db"))
    with ExitStack() as stack:
        first = stack.enter_context(running(tmp_path))
        second = stack.enter_context(running(tmp_path, "--config", "second.yaml"))
        addresses = first.address, second.address
        assert [in_force(address) for address in addresses] == [(1, "v1")] * 2
        write(tmp_path, version(2))
        activated = [look(each, "bundle_activated") for each in (second, first)]
        assert [one["generation"] for one in activated] == [2, 2]
        assert activated[0]["bundle"] == activated[1]["bundle"]
        # One sees what the other misses, and numbers what comes back; the other follows.
        write(tmp_path, version(3))
        assert look(first, "bundle_activated")["generation"] == 3
        write(tmp_path, version(2))
        assert look(first, "bundle_activated")["generation"] == 4
        assert look(second, "bundle_activated")["generation"] == 4
        assert [in_force(address) for address in addresses] == [(4, "v2")] * 2
        assert [ready(address)["bundle"] for address in addresses] == [activated[0]["bundle"]] * 2
