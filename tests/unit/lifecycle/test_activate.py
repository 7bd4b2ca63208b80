from collections.abc import Mapping
from pathlib import Path

import pytest
import structlog.testing

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import ConfigurationError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.activate import ActiveBundle, BundleRules
from pdp.lifecycle.archive import NotArchivedError
from pdp.lifecycle.archive_directory import DirectoryArchive
from pdp.lifecycle.deciding import ActiveDecider
from pdp.lifecycle.source import Sighting
from pdp.lifecycle.standing import Trouble
from pdp.lifecycle.state import BundleState

PERMIT = b'@id("all") permit (principal, action, resource);'
FORBID = b'@id("none") forbid (principal, action, resource);'
BROKEN = b"permit (principal"
CLOCK = Clock(lambda: 0.0, lambda: 0.0, bytes)


class Sources:
    """Fills the port `BundleSource` with one policy file."""

    def __init__(self, policy: bytes) -> None:
        self.policy = policy
        self.fetched = 0

    name = "the test"

    def look(self) -> Sighting:
        return Sighting(self.policy.hex())

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        self.fetched += 1
        return {"policies/a.cedar": self.policy, "policies/catalog.yaml": b"version: 1\n"}


def active(sources: Sources, state: Path) -> ActiveBundle:
    return ActiveBundle(
        sources,
        state=BundleState(state),
        archive=DirectoryArchive(state / "bundles"),
        rules=BundleRules(answer_max_age=5),
        clock=CLOCK,
    )


def test_a_first_bundle_with_problems_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        active(Sources(BROKEN), tmp_path).activate()
    assert not (tmp_path / "serial.json").exists()


def test_before_the_first_activation_there_is_nothing_to_decide_with(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        _ = active(Sources(PERMIT), tmp_path).bundle


def test_content_keeps_its_serial_and_other_content_gets_the_next(tmp_path: Path) -> None:
    sources = Sources(PERMIT)
    bundle = active(sources, tmp_path)
    bundle.activate()
    assert bundle.bundle.manifest.serial == 1
    sources.policy = FORBID
    bundle.refresh()
    assert bundle.bundle.manifest.serial == 2
    restarted = active(Sources(FORBID), tmp_path)
    restarted.activate()
    assert restarted.bundle.manifest.serial == 2
    back = active(Sources(PERMIT), tmp_path)
    back.activate()
    assert back.bundle.manifest.serial == 3


def test_the_last_good_bundle_stays_and_the_failure_is_told(tmp_path: Path) -> None:
    sources = Sources(PERMIT)
    bundle = active(sources, tmp_path)
    bundle.activate()
    good = bundle.bundle
    sources.policy = BROKEN
    bundle.refresh()
    bundle.refresh()
    assert bundle.bundle is good
    assert bundle.failures == 1
    assert "policies/a.cedar:1" in str(bundle.standing.error)
    sources.policy = PERMIT
    bundle.refresh()
    assert (bundle.bundle.manifest, bundle.standing.error) == (good.manifest, None)


def test_unchanged_sources_are_not_read_again(tmp_path: Path) -> None:
    sources = Sources(PERMIT)
    bundle = active(sources, tmp_path)
    bundle.activate()
    for _ in range(3):
        bundle.refresh()
    assert sources.fetched <= 2


@pytest.mark.parametrize("state", [b"", b"{", b'{"serial":"1","digest":"x"}', b'{"serial":1,"digest":"x","more":1}'])
def test_a_register_that_cannot_be_read_refuses_instead_of_counting_from_one(tmp_path: Path, state: bytes) -> None:
    (tmp_path / "serial.json").write_bytes(state)
    with pytest.raises(ConfigurationError) as refused:
        active(Sources(PERMIT), tmp_path).activate()
    assert [problem.code for problem in refused.value.problems] == ["state_unusable"]


def test_a_register_that_cannot_be_written_refuses(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder must be")
    with pytest.raises(ConfigurationError):
        active(Sources(PERMIT), tmp_path / "state").activate()


def test_decisions_follow_the_active_bundle(tmp_path: Path) -> None:
    sources = Sources(PERMIT)
    bundle = active(sources, tmp_path)
    bundle.activate()
    decider = ActiveDecider(bundle, clock=CLOCK)
    request = EvaluationRequest(Subject("user", "a|b"), Action("tools/call"), Resource("tool", "x/y"))
    answer = decider.evaluate(request).context.toolgate
    assert (answer.reason_code, answer.generation) == (ReasonCode.TOOL_UNKNOWN, 1)
    sources.policy = FORBID
    bundle.refresh()
    assert decider.generation == decider.evaluate(request).context.toolgate.generation == 2
    assert decider.bundle == bundle.bundle.manifest.digest


def test_failures_are_counted_by_why(tmp_path: Path) -> None:
    sources = Sources(PERMIT)
    bundle = active(sources, tmp_path)
    bundle.activate()
    sources.policy = BROKEN
    bundle.refresh()
    (tmp_path / "serial.json").write_bytes(b"{")
    sources.policy = FORBID
    bundle.refresh()
    assert {code: count for code, count in bundle.failures_by.items() if count} == {
        Trouble.REFUSED: 1,
        Trouble.UNKEPT: 1,
    }
    assert bundle.failures == 2


def test_the_active_content_is_had_without_its_archive_and_an_altered_one_never(tmp_path: Path) -> None:
    sources = Sources(PERMIT)
    bundle = active(sources, tmp_path)
    bundle.activate()
    first = bundle.bundle.manifest.digest
    sources.policy = FORBID
    bundle.refresh()
    second = bundle.bundle.manifest.digest
    assert [digest_of(bundle.archived(one)) for one in (first, second)] == [first, second]
    for path in (tmp_path / "bundles").iterdir():
        path.unlink()
    assert digest_of(bundle.archived(second)) == second
    with pytest.raises(NotArchivedError):
        bundle.archived(first)
    (tmp_path / f"active.{second.removeprefix('sha256:')}.json").write_bytes(b"{}")
    with pytest.raises(NotArchivedError):
        bundle.archived(second)


def test_warnings_are_logged_when_a_bundle_is_activated_and_refuse_nothing(tmp_path: Path) -> None:
    bundle = active(Sources(b'@id("all") permit (principal, action, resource) when { true };'), tmp_path)
    with structlog.testing.capture_logs() as logs:
        bundle.activate()
    assert [(entry["event"], entry.get("problem"), entry["log_level"]) for entry in logs] == [
        ("bundle_activated", None, "info"),
        (
            "policy_warning",
            "policies/a.cedar:1:49: the conditions hold for every request in the scope [always_matches]",
            "warning",
        ),
    ]
