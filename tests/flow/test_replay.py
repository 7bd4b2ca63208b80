"""What the real product recorded can be decided again from its records, over both ways to a decision."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pdp.audit.location import open_reader
from pdp.audit.query import Query
from pdp.core.bundle.bundle import build
from pdp.core.contract.identifier import unix_seconds
from pdp.core.contract.record_terms import DecisionOrigin, NotReplayable
from pdp.core.identity.replay import answered, request_of
from pdp.core.settings.decision_point import LogSettings
from pdp.lifecycle.directory import DirectorySource
from tests.flow.product import ALICE, Product, call, post, product
from tests.record_schema import VALIDATOR, plain
from tests.spools import wait_until_delivered

pytestmark = pytest.mark.timeout(240)

REPO = {"repo_path": "demo"}
SURROUNDINGS = """
@id("by-surroundings")
@message("not from here")
@record("hash")
forbid (principal, action == Mcp::Action::"git/git_branch", resource)
when
{
    context has enforcer && context.enforcer == "gateway" && context has ip && context.ip.isLoopback() &&
    context has transport && context.transport == "streamable-http" && context.now > datetime("2026-01-01")
};
"""
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("git__git_log", {**REPO, "max_count": 3}),
    ("git__git_log", {**REPO, "max_count": 3}),
    ("git__git_log", {**REPO, "max_count": 500}),
    ("git__git_status", {"repo_path": "other"}),
    ("git__git_reset", REPO),
    ("git__git_branch", {**REPO, "branch_type": "local"}),
    ("git__nothing", {}),
]


@pytest.fixture(params=["remote", "embedded"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    with product(tmp_path, decisions=request.param) as made:
        (made.repository / "policies" / "surroundings.cedar").write_text(SURROUNDINGS)
        if request.param == "remote":
            made.serve()
        made.gateway()
        yield made


async def test_what_was_recorded_is_decided_again_alike(running: Product) -> None:
    token = running.token(*ALICE)
    for tool, arguments in CALLS:
        await call(running.mcp, token, tool, **arguments)
    post(running.mcp, "tools/call", {"name": "git__git_log", "arguments": REPO}, token=token, name="git__git_log")
    sources = DirectorySource(policies=running.repository / "policies", schemas=running.repository / "schemas")
    bundle = build(sources.fetch(), max_age=5.0)
    wait_until_delivered(running.folder)
    with closing(open_reader(LogSettings(), base=running.folder)) as reader:
        records = [entry.decision for entry in reader.find(Query())]
    called = [record for record in records if record.method == "tools/call"]
    assert len(called) == len(CALLS) + 1
    for record in records:
        VALIDATOR.validate(plain(record))
    again = [record for record in called if record.not_replayable is None]
    for record in again:
        assert record.bundle == bundle.manifest.digest
        assert record.decided_at is not None
        answer = bundle.evaluate(request_of(record), now=unix_seconds(record.decided_at), decision_id="again")
        found = answer.context.toolgate
        assert (found.reason_code, found.policies) == (answered(record), record.policies)
        assert (found.errors, found.obligations) == (record.errors, record.obligations)
    assert [record.not_replayable for record in called if record.not_replayable is not None] == [
        NotReplayable.ARGUMENTS_HASHED,
        NotReplayable.NOT_DECIDED,
    ]
    cached = [record for record in again if record.origin is DecisionOrigin.CACHED]
    fresh = {record.decision_id for record in again if record.origin is not DecisionOrigin.CACHED}
    assert cached
    assert {record.decision_id for record in cached} <= fresh
    (branch,) = (record for record in called if record.tool == "git_branch")
    assert branch.policies == ["by-surroundings"]
    assert "local" not in str(branch)
