import asyncio
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.sqlite import SqliteReader
from pdp.bootstrap import open_local
from pdp.core.bundle.key import KeyPair
from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change
from pdp.core.contract.revocation import RevocationKind
from pdp.core.settings.load import load
from pdp.lifecycle.shadow import ShadowBundle
from pdp.revocation.store import Order, RevocationStore
from pdp.server.in_process import InProcessDecisionPoint
from tests.flow.pdp_process import set_up

ALICE = Subject("user", "dev|alice")
CALL = Action("tools/call")
TEXT = "version: 1\npdp: {revocations: {interval: 5ms}}\n"


@pytest.fixture
async def point(tmp_path: Path, root: Path) -> AsyncIterator[InProcessDecisionPoint]:
    set_up(tmp_path, root=root)
    opened = await open_local(load(TEXT, file="t", environ={}).settings, base=tmp_path, enforcer="gateway")
    try:
        yield opened
    finally:
        await opened.aclose()


async def code(point: InProcessDecisionPoint) -> ReasonCode:
    ask = EvaluationRequest(ALICE, CALL, Resource("tool", "git/git_log"), {"arguments": {"repo_path": "/srv"}})
    return (await point.decide(ask))[0].context.toolgate.reason_code


async def shown(point: InProcessDecisionPoint) -> list[str]:
    found = await point.search(ResourceSearchRequest(ALICE, CALL, ResourceKind("tool")))
    return [one.id for one in found.results]


async def test_what_another_process_revokes_is_denied_in_this_one_too(
    point: InProcessDecisionPoint, tmp_path: Path
) -> None:
    assert (await code(point), await shown(point)) == (ReasonCode.ALLOWED, ["git/git_log"])
    store = RevocationStore(tmp_path / ".toolgate" / "revocations.db")
    store.revoke(Order(RevocationKind.PRINCIPAL, "dev|alice"), by="local:test", now=1.0)
    held = point._decider._held  # type: ignore[attr-defined]
    held.refresh()
    assert (await code(point), await shown(point)) == (ReasonCode.REVOKED, [])
    store.lift(RevocationKind.PRINCIPAL, "dev|alice", by="local:test", reason="", now=2.0)
    held.refresh()
    assert (await code(point), await shown(point)) == (ReasonCode.ALLOWED, ["git/git_log"])
    store.close()


CANARY = (
    "version: 1\npdp: {log: {writer: thread}, bundles: {canary: {percent: 100, policies: next, schemas: schemas}}}\n"
)


async def test_a_canary_is_tried_in_the_enforcers_process_too_and_recorded_as_the_decision_points(
    tmp_path: Path, root: Path
) -> None:
    set_up(tmp_path, root=root)
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "a.cedar").write_text('@id("freeze") forbid (principal, action, resource);')
    point = await open_local(load(CANARY, file="t", environ={}).settings, base=tmp_path, enforcer="gateway")
    shadow: ShadowBundle = point._decider._decider._trial._shadow  # type: ignore[attr-defined]
    await asyncio.to_thread(shadow.refresh)
    assert await code(point) is ReasonCode.ALLOWED
    await point.aclose()
    with closing(SqliteReader(tmp_path / "toolgate.db")) as reader:
        (record,) = reader.comparisons(ComparisonQuery())
    assert (record.writer, record.sequence, record.compared) == ("pdp", 1, 1)
    (difference,) = record.differences
    assert (difference.change, difference.tool, difference.principal) == (Change.ALLOW_TO_DENY, "git_log", "dev|alice")


SIGNED = "version: 1\npdp: {log: {checkpoints: {key: log.pem, every: 1, exports: [{folder: outside}]}}}\n"


async def test_the_log_of_an_enforcers_process_is_signed_too(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    key = tmp_path / "log.pem"
    key.write_bytes(KeyPair.from_seed(b"k" * 32).to_pem())
    key.chmod(0o600)
    point = await open_local(load(SIGNED, file="t", environ={}).settings, base=tmp_path, enforcer="gateway")
    async with asyncio.timeout(30):
        while not (tmp_path / "outside" / "00000000" / "000000000001.json").exists():  # noqa: ASYNC110 - a thread makes it
            await asyncio.sleep(0.01)
    await point.aclose()


async def test_a_canary_whose_spool_cannot_be_used_refuses_the_start(tmp_path: Path, root: Path) -> None:
    set_up(tmp_path, root=root)
    shutil.copytree(tmp_path / "policies", tmp_path / "next")
    (tmp_path / ".toolgate").mkdir(exist_ok=True)
    (tmp_path / ".toolgate" / "spool").write_text("no folder")
    before = {thread.name for thread in threading.enumerate()}
    with pytest.raises(UnusableError, match="make it a folder that this user owns"):
        await open_local(load(CANARY, file="t", environ={}).settings, base=tmp_path, enforcer="gateway")
    assert {thread.name for thread in threading.enumerate()} - before <= {"asyncio_0", "asyncio_1"}
