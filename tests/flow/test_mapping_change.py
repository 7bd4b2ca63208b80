"""Another claims mapping comes into force while tools are called: each call is of one generation, and none fails."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import structlog

from enforcers.account import ArgumentRecording
from enforcers.caller import Caller, Identified, Transport
from enforcers.catalog_view import CatalogView
from enforcers.chain import Chain
from enforcers.clock import system_clock
from enforcers.decision_source import DecisionPoint
from enforcers.definitions import Definitions
from enforcers.offer import Offer
from enforcers.pdp_credential import KeyCredential
from enforcers.principals import Principals
from enforcers.recorder import Recorder
from enforcers.remote import RemoteDecisionPoint
from enforcers.testing.records import InMemorySpool
from enforcers.verdict import Allowed, Denied, Listed
from pdp.bootstrap import open_local
from pdp.core.catalog.definitions.snapshot import read_snapshot
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.settings.load import read_settings
from pdp.tokens.presented import Presented, bearer
from tests.flow.pdp_process import POLICY, running, set_up
from tests.shelf import Shelf
from tests.unit.enforcers.chain_host import Upstream

CALLER = Caller(bearer("token"), Transport.STREAMABLE_HTTP)
CALL = Request(1, "tools/call", {"name": "git__git_log", "arguments": {"repo_path": "/srv"}})
LIST = Request(2, "tools/list", {})
BEFORE = "version: 1\nissuers: {dev: {id: {claim: sub}}}\n"
AFTER = 'version: 1\nissuers: {dev: {id: {claim: sub, prefix: "staff-"}}}\n'

Verdict = tuple[str, Allowed | Denied | Listed]
Reload = Callable[[], Awaitable[None]]


class Alice:
    """Believes everybody to be Alice, and gives the same claims for as long as they are held."""

    claims = VerifiedClaims("dev", "https://idp.example", "alice", 0.0, {})

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        return self.claims


def _write(base: Path, mapping: str, name: str = "alice") -> None:
    """The mapping, and a policy that lets in both principals that mappings make of Alice."""
    own, other = (f'principal == Mcp::User::"{alias}"' for alias in (f"dev|{name}", f"dev|staff-{name}"))
    policy = POLICY.replace('principal == Mcp::User::"dev|alice"', "principal")
    (base / "policies" / "alice.cedar").write_text(policy.replace(";", f" when {{ {own} || {other} }};"))
    (base / "policies" / "identity.yaml").write_text(mapping)


def _chain(point: DecisionPoint, root: Path) -> tuple[Chain, CatalogView]:
    clock, log = system_clock(), structlog.get_logger()
    path = "schemas/git/git_log.json"
    definition = read_snapshot(path, (root / path).read_bytes())
    shelf = Shelf({"git__git_log": Offer("git", "git_log", dict(definition.content), definition.pin)})
    view = CatalogView(point, max_age=600, steady=clock.steady, log=log)
    recorder = Recorder(InMemorySpool(), writer="gateway", clock=clock, arguments=ArgumentRecording(bytes(32)))
    chain = Chain(
        authenticator=Alice(),
        principals=Principals(view),
        definitions=Definitions(shelf, catalog=view, recorder=recorder, log=log),
        decisions=point,
        recorder=recorder,
        forwarder=Upstream(),
        clock=clock,
    )
    return chain, view


@asynccontextmanager
async def _remote(base: Path, root: Path) -> AsyncIterator[tuple[DecisionPoint, Reload]]:
    set_up(base, root=root)
    _write(base, BEFORE)
    with running(base) as pdp:
        key = pdp.key()["authorization"].removeprefix("Bearer ")

        async def reload() -> None:
            pdp.process.send_signal(signal.SIGHUP)
            pdp.seen.clear()
            await asyncio.to_thread(pdp.until, "bundle_activated")

        yield RemoteDecisionPoint([pdp.address], credential=KeyCredential(key), timeout=10), reload


@asynccontextmanager
async def _embedded(base: Path, root: Path) -> AsyncIterator[tuple[DecisionPoint, Reload]]:
    set_up(base, root=root)
    _write(base, BEFORE)
    config = base / "toolgate.yaml"
    config.write_text(config.read_text().replace("reload_interval: 1h", "reload_interval: 50ms"))
    point = await open_local(read_settings(config, environ={}).settings, base=base, enforcer="gateway")

    async def reload() -> None:
        """It looks for itself."""

    yield point, reload


@pytest.mark.parametrize("opened", [_remote, _embedded])
async def test_a_new_mapping_fails_no_call_and_no_list(
    opened: Callable[..., AbstractAsyncContextManager[tuple[DecisionPoint, Reload]]], tmp_path: Path, root: Path
) -> None:
    async with opened(tmp_path, root) as (point, reload):
        chain, view = _chain(point, root)
        done, verdicts = asyncio.Event(), asyncio.Queue[Verdict]()

        async def calling(request: Request) -> None:
            while not done.is_set():
                who = await chain.identify(CALLER, message=request)
                assert isinstance(who, Identified)
                act = chain.call if request is CALL else chain.list_tools
                await verdicts.put((who.principal.id, await act(request, who=who)))
                await asyncio.sleep(0)  # nothing above may have to wait for anything

        async def until(name: str) -> list[Verdict]:
            """Verdicts until 20 were given to a caller who was identified as `name`."""
            found: list[Verdict] = []
            while sum(principal == name for principal, _ in found) < 20:
                found.append(await asyncio.wait_for(verdicts.get(), 30))
            return found

        callers = [asyncio.create_task(calling(request)) for request in (CALL, CALL, CALL, LIST)]
        given = await until("dev|alice")
        _write(tmp_path, AFTER)
        await reload()
        given += await until("dev|staff-alice")
        done.set()
        await asyncio.gather(*callers)
        await view.aclose()
        await point.aclose()
    assert [verdict for _, verdict in given if isinstance(verdict, Denied)] == []
    assert {len(verdict.tools) for _, verdict in given if isinstance(verdict, Listed)} == {1}


async def test_a_policy_that_names_an_issuer_without_an_entry_leaves_the_last_good_bundle(
    tmp_path: Path, root: Path
) -> None:
    set_up(tmp_path, root=root)
    _write(tmp_path, BEFORE)
    policy = tmp_path / "policies" / "alice.cedar"
    with running(tmp_path) as pdp:
        policy.write_text(policy.read_text().replace("dev|alice", "dve|alice"))
        pdp.process.send_signal(signal.SIGHUP)
        (problem,) = (await asyncio.to_thread(pdp.until, "bundle_refused"))["problems"]
        assert "the claims mapping has no issuer `dve`; did you mean `dev`?" in problem
        key = pdp.key()["authorization"].split()[1]
        point = RemoteDecisionPoint([pdp.address], credential=KeyCredential(key), timeout=10)
        chain, view = _chain(point, root)
        who = await chain.identify(CALLER, message=None)
        assert isinstance(who, Identified)
        verdict = await chain.call(CALL, who=who)
        await view.aclose()
        await point.aclose()
    assert isinstance(verdict, Allowed)


async def test_an_issuer_that_the_new_mapping_drops_gets_nobody_in_any_more(tmp_path: Path, root: Path) -> None:
    async with _remote(tmp_path, root) as (point, reload):
        chain, view = _chain(point, root)
        who = await chain.identify(CALLER, message=None)
        assert isinstance(who, Identified)
        (tmp_path / "policies" / "alice.cedar").unlink()
        (tmp_path / "policies" / "identity.yaml").write_text("version: 1\nissuers: {other: {id: {claim: sub}}}\n")
        await reload()
        verdict = await chain.call(CALL, who=who)
        again = await chain.identify(CALLER, message=None)
        await view.aclose()
        await point.aclose()
    assert isinstance(verdict, Denied)
    assert isinstance(again, Denied)
    assert (verdict.code, again.code) == (ReasonCode.IDENTITY_UNMAPPED, ReasonCode.IDENTITY_UNMAPPED)
