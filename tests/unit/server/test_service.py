import asyncio

import pytest

from pdp.audit.ingest import LogWriter
from pdp.core.contract.errors import RecordError
from pdp.core.contract.sealed import seal
from pdp.server.service import PdpService
from tests.unit.audit.sample import MemoryStore, decision
from tests.unit.server.hosting import interior
from tests.unit.tokens.minting import Events


async def nothing(*_: object) -> None:
    pass


async def test_a_service_takes_records_while_it_is_entered() -> None:
    store = MemoryStore()
    writer = LogWriter(store, log=Events().log())
    service = PdpService(nothing, interior(writer), reload=nothing, log=Events().log())
    async with service:
        await writer.commit(seal(decision(1)))
        assert service.generation == 7
    with pytest.raises(RecordError):
        await writer.commit(seal(decision(2)))
    assert store.is_closed


async def test_background_work_ends_with_the_service_and_its_failure_is_an_alarm() -> None:
    ended: list[str] = []
    failed = asyncio.Event()

    async def patient() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("patient")

    async def broken() -> None:
        failed.set()
        raise ZeroDivisionError("corp|alice")

    events = Events()
    writer = LogWriter(MemoryStore(), log=events.log())
    service = PdpService(nothing, interior(writer), reload=nothing, background=[patient, broken], log=events.log())
    async with service:
        await failed.wait()
        await writer.commit(seal(decision(1)))
    assert ended == ["patient"]
    (alarm,) = events.named("background_work_ended")
    assert (alarm["error"], alarm["level"]) == ("ZeroDivisionError", "critical")
    assert "alice" not in repr(alarm)


async def test_a_reload_is_passed_on() -> None:
    asked: list[None] = []

    async def reload() -> None:
        asked.append(None)

    events = Events()
    service = PdpService(nothing, interior(LogWriter(MemoryStore(), log=events.log())), reload=reload, log=events.log())
    await service.reload()
    assert len(asked) == 1
