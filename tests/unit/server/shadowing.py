"""Two bundles and requests for tests of what is tried beside the active one."""

from collections.abc import Mapping
from typing import Any

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.contract.authzen import Action, EvaluationRequest, EvaluationResponse, Resource, Subject
from pdp.core.contract.clock import Clock
from pdp.lifecycle.shadow import ShadowBundle, ShadowRules
from pdp.lifecycle.source import Sighting
from pdp.server.comparison import Sample
from tests.snapshots import tool_path, tool_snapshot

NOW = 1_785_229_200.0
"""2026-07-28T09:00:00Z."""
PERMIT = '@id("all") permit (principal, action, resource);'
FORBID = '@id("freeze") forbid (principal, action, resource);'
TOOL = {"name": "git_log", "inputSchema": {"type": "object", "properties": {"repo": {"type": "string"}}}}


def files(policy: str = PERMIT, **others: str) -> dict[str, bytes]:
    """A bundle's files with one policy and one tool; `identity` is its claims mapping."""
    found = {"policies/a.cedar": policy.encode(), tool_path("git", "git_log"): tool_snapshot(TOOL)}
    return found | {f"policies/{name}.yaml": text.encode() for name, text in others.items()}


def bundle(policy: str = PERMIT, **others: str) -> Bundle:
    return build(files(policy, **others), max_age=5.0)


class Folder:
    """Fills the port `BundleSource` with files in memory, or raises."""

    name = "the test"

    def __init__(self, found: Mapping[str, bytes]) -> None:
        self.found = found
        self.raises: Exception | None = None
        self.fetched = 0

    def look(self) -> Sighting:
        if self.raises is not None:
            raise self.raises
        return Sighting(repr(sorted(self.found.items())), "here")

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        self.fetched += 1
        return self.found


def shadow_of(found: Mapping[str, bytes], *, clock: Clock) -> ShadowBundle:
    """A shadow that has looked once."""
    shadow = ShadowBundle(Folder(found), rules=ShadowRules(answer_max_age=5.0), clock=clock)
    shadow.refresh()
    assert shadow.standing.error is None
    return shadow


def asked(
    tool: str = "git/git_log", *, properties: Mapping[str, Any] | None = None, **context: Any
) -> EvaluationRequest:
    subject = Subject("user", "corp|alice", dict(properties or {}))
    return EvaluationRequest(subject, Action("tools/call"), Resource("tool", tool), {"arguments": {}, **context})


def answered(active: Bundle, request: EvaluationRequest, *, now: float = NOW, number: int = 0) -> EvaluationResponse:
    return active.evaluate(request, now=now, decision_id=f"{number:032x}")


def sample(active: Bundle, request: EvaluationRequest | None = None, *, shadow: Bundle, now: float = NOW) -> Sample:
    request = asked() if request is None else request
    return Sample(request, answered(active, request, now=now), now, shadow)


class FailingBundle(Bundle):
    """Fails at every question."""

    def evaluate(self, request: EvaluationRequest, *, now: float, decision_id: str) -> EvaluationResponse:
        raise KeyError("hunter2")


def failing() -> Bundle:
    good = bundle()
    return FailingBundle(good.manifest, catalog=good.catalog, compiled=good.compiled, max_age=5.0)
