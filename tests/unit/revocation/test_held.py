import asyncio
from pathlib import Path

import pytest

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import RevocationKind, RevocationSet
from pdp.revocation.held import HeldRevocations
from pdp.revocation.store import Order, RevocationStore, RevocationsUnavailableError
from tests.unit.server.hosting import MemoryRevocations
from tests.unit.tokens.minting import Events


class Time:
    """A steady clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def holding(source: MemoryRevocations, clock: Time, events: Events | None = None) -> HeldRevocations:
    return HeldRevocations(source, max_age=10.0, steady=clock, log=(Events() if events is None else events).log())


def test_what_another_process_revokes_is_known_after_the_next_look(tmp_path: Path) -> None:
    here, there = RevocationStore(tmp_path / "r.db"), RevocationStore(tmp_path / "r.db")
    held = HeldRevocations(here, max_age=10.0, steady=Time(), log=Events().log())
    there.revoke(Order(RevocationKind.SERVER, "git"), by="corp|olga", now=1.0)
    assert held.current().sequence == 0
    held.refresh()
    assert [one.id for one in held.current().known.revocations] == ["git"]
    there.lift(RevocationKind.SERVER, "git", by="corp|olga", reason="", now=1.0)
    held.refresh()
    assert held.current().known == RevocationSet(2, ())


def test_an_outage_is_bridged_up_to_the_bound_and_denies_after_it() -> None:
    source, clock = MemoryRevocations(), Time()
    source.revoke(RevocationKind.SERVER, "git")
    held = holding(source, clock)
    source.raises = RevocationsUnavailableError("the disk is gone")
    clock.now += 10.0
    assert held.current().sequence == 1
    clock.now += 0.1
    with pytest.raises(Refused) as refused:
        held.current()
    assert refused.value.code is ReasonCode.REVOCATIONS_UNKNOWN
    source.raises = None
    assert held.current().sequence == 1


def test_revocations_never_go_back() -> None:
    source = MemoryRevocations()
    source.revoke(RevocationKind.SERVER, "git")
    held = holding(source, Time())
    source.known = RevocationSet()
    with pytest.raises(RevocationsUnavailableError, match="older"):
        held.refresh()
    assert held.current().sequence == 1


def test_who_subscribes_hears_of_each_change_once_and_of_nothing_else() -> None:
    source, clock = MemoryRevocations(), Time()
    held, heard = holding(source, clock), []
    held.subscribe(lambda: heard.append(held.sequence))
    held.refresh()
    source.revoke(RevocationKind.SERVER, "git")
    held.refresh()
    held.refresh()
    source.raises = RevocationsUnavailableError("the disk is gone")
    with pytest.raises(RevocationsUnavailableError):
        held.refresh()
    assert heard == [1]


def test_an_age_counts_from_the_last_reading_that_succeeded() -> None:
    source, clock = MemoryRevocations(), Time()
    held = holding(source, clock)
    clock.now += 3.0
    assert held.confirmed_ago() == 3.0
    held.refresh()
    assert held.confirmed_ago() == 0.0
    source.raises = RevocationsUnavailableError("the disk is gone")
    clock.now += 4.0
    with pytest.raises(RevocationsUnavailableError):
        held.refresh()
    assert held.confirmed_ago() == 4.0


async def test_watching_goes_on_through_an_outage_and_tells_it_once() -> None:
    source, events = MemoryRevocations(), Events()
    held = holding(source, Time(), events)
    source.raises = RevocationsUnavailableError("the disk is gone")
    looked = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    class Watched(MemoryRevocations):
        def sequence(self) -> int:
            loop.call_soon_threadsafe(looked.release)
            return source.sequence()

        def read(self) -> RevocationSet:
            return source.read()

    held._store = Watched()
    watching = asyncio.create_task(held.watch(0.001))
    for _ in range(3):
        await looked.acquire()
    source.revoke(RevocationKind.SERVER, "git")
    source.raises = None
    while held.sequence == 0:
        await looked.acquire()
        await asyncio.sleep(0)
    watching.cancel()
    await asyncio.wait([watching])
    assert [event["cause"] for event in events.named("revocations_unavailable")] == ["the disk is gone"]
    assert held.current().sequence == 1
