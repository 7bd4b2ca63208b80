import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from pdp.audit.ingest import LogWriter, WriterBounds
from pdp.audit.query import Query
from pdp.audit.sqlite import SqliteReader, SqliteStore
from pdp.audit.store import Announcement, RecordStore, RecordUnfitError, StoreUnavailableError
from pdp.core.contract.errors import RecordError, RecordsRefusedError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import seal
from tests.unit.audit.sample import MemoryStore, chained, decision, outcome, sealed
from tests.unit.tokens.minting import Events


@asynccontextmanager
async def writing(
    store: RecordStore, *, bounds: WriterBounds | None = None, events: Events | None = None
) -> AsyncIterator[LogWriter]:
    log = (Events() if events is None else events).log()
    writer = LogWriter(store, log=log, bounds=bounds)
    writer.start()
    try:
        yield writer
    finally:
        await writer.aclose()


async def refused(writer: LogWriter, *records: Record) -> str:
    with pytest.raises(RecordError) as caught:
        await writer.commit_all(sealed(records))
    assert caught.value.code is ReasonCode.LOG_UNAVAILABLE
    return caught.value.detail


async def test_a_record_is_in_the_store_when_commit_returns() -> None:
    store = MemoryStore()
    async with writing(store) as writer:
        await writer.commit(seal(decision(1)))
        assert store.records == [decision(1)]
        await writer.commit_all(sealed([outcome(2), decision(3)]))
        assert store.records == [decision(1), outcome(2), decision(3)]
        await writer.commit_all([])
        assert (writer.commits.committed, writer.depth) == (3, 0)
    assert store.is_closed


async def test_commit_does_not_return_before_the_transaction_does() -> None:
    store = MemoryStore()
    store.gate.clear()
    async with writing(store) as writer:
        commit = asyncio.create_task(writer.commit(seal(decision(1))))
        await asyncio.sleep(0)
        assert not commit.done()
        assert writer.depth == 1
        store.gate.set()
        await commit


async def test_concurrent_commits_share_transactions_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with writing(SqliteStore(path)) as writer:
        await asyncio.gather(*(writer.commit(seal(decision(n))) for n in range(1, 1001)))
        reader = SqliteReader(path)
        found = reader.find(Query(limit=2000))
        reader.close()
    assert sorted(entry.decision.sequence for entry in found) == list(range(1, 1001))


async def test_one_transaction_holds_what_waited() -> None:
    store = MemoryStore()
    store.gate.clear()
    async with writing(store, bounds=WriterBounds(max_batch=40)) as writer:
        commits = [asyncio.create_task(writer.commit(seal(decision(n)))) for n in range(1, 101)]
        await asyncio.sleep(0)
        store.gate.set()
        await asyncio.gather(*commits)
    assert sum(store.batches) == 100
    assert max(store.batches) == 40
    assert [record.sequence for record in store.records] == list(range(1, 101)), "in the order asked"


def unfit(*sequences: int) -> MemoryStore:
    def judge(records: Sequence[Record]) -> None:
        if any(record.sequence in sequences for record in records):
            raise RecordUnfitError("a record cannot be stored: ValueError")

    return MemoryStore(judge)


async def test_a_bad_record_takes_no_other_with_it() -> None:
    store, events = unfit(3), Events()
    store.gate.clear()
    async with writing(store, events=events) as writer:
        commits = [asyncio.create_task(writer.commit(seal(decision(n)))) for n in range(1, 6)]
        several = asyncio.create_task(writer.commit_all(sealed([decision(6), decision(3), decision(7)])))
        await asyncio.sleep(0)
        store.gate.set()
        results = await asyncio.gather(*commits, several, return_exceptions=True)
        assert writer.commits.failures == 2
    refused = RecordsRefusedError
    assert [type(result) for result in results] == [type(None)] * 2 + [refused] + [type(None)] * 2 + [refused]
    assert sorted(record.sequence for record in store.records) == [1, 2, 4, 5, 6, 7]
    assert len(events.named("log_batch_retried")) == 1


async def test_an_unavailable_store_refuses_the_whole_batch_and_comes_back() -> None:
    store, events = MemoryStore(), Events()

    def judge(_: Sequence[Record]) -> None:
        raise StoreUnavailableError("the decision log cannot be used: database is locked")

    store.judge = judge
    async with writing(store, events=events) as writer:
        assert "locked" in await refused(writer, decision(1))
        assert "locked" in await refused(writer, decision(2), decision(3))
        with pytest.raises(RecordError):
            await writer.probe()
        assert "locked" in (writer.commits.last_error or "")
        assert writer.depth == 0
        store.judge = None
        await writer.commit(seal(decision(1)))
        assert writer.commits.failures == 3
        await writer.probe()
    assert [event["records"] for event in events.named("log_commit_failed")] == [1, 2, 0]
    assert store.probes == 1


async def test_whatever_a_store_raises_is_a_refusal_and_the_writer_goes_on() -> None:
    store = MemoryStore()

    def judge(records: Sequence[Record]) -> None:
        if any(record.sequence == 1 for record in records):
            raise ZeroDivisionError("corp|alice")

    store.judge = judge
    async with writing(store) as writer:
        assert await refused(writer, decision(1)) == "internal error"
        await writer.commit(seal(decision(2)))


async def test_a_log_that_breaks_while_logging_still_answers() -> None:
    store = unfit(1)

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise BrokenPipeError

    writer = LogWriter(store, log=Broken())  # type: ignore[arg-type] # all it does is fail
    writer.start()
    assert "internal error" in await refused(writer, decision(1))
    await writer.commit(seal(decision(2)))
    await writer.aclose()


async def test_a_full_queue_is_back_pressure_first_and_a_refusal_then() -> None:
    store = MemoryStore()
    store.gate.clear()
    async with writing(store, bounds=WriterBounds(max_queue=2, max_wait=0.2)) as writer:
        first = [asyncio.create_task(writer.commit(seal(decision(n)))) for n in (1, 2)]
        await asyncio.sleep(0)
        assert "full" in await refused(writer, decision(3))
        waiting = asyncio.create_task(writer.commit(seal(decision(4))))
        await asyncio.sleep(0)
        assert writer.depth == 2
        store.gate.set()
        await asyncio.gather(*first, waiting)
    assert [record.sequence for record in store.records] == [1, 2, 4]


async def test_more_records_than_the_queue_holds_go_alone() -> None:
    store = MemoryStore()
    async with writing(store, bounds=WriterBounds(max_queue=2, max_batch=3)) as writer:
        await writer.commit_all(sealed([decision(n) for n in range(1, 11)]))
    assert len(store.records) == 10


async def test_a_caller_that_goes_away_leaves_its_record() -> None:
    store = MemoryStore()
    store.gate.clear()
    async with writing(store) as writer:
        commit = asyncio.create_task(writer.commit(seal(decision(1))))
        await asyncio.sleep(0)
        commit.cancel()
        store.gate.set()
        await asyncio.gather(commit, return_exceptions=True)
    assert commit.cancelled()
    assert store.records == [decision(1)]


async def test_what_waits_is_committed_before_the_log_closes_and_nothing_after() -> None:
    store = MemoryStore()
    store.gate.clear()
    writer = LogWriter(store, log=Events().log())
    writer.start()
    commits = [asyncio.create_task(writer.commit(seal(decision(n)))) for n in range(1, 101)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(writer.aclose())
    await asyncio.sleep(0)
    assert await refused(writer, decision(101)) == "the log is closed"
    store.gate.set()
    await asyncio.gather(*commits, closing)
    assert len(store.records) == 100
    assert store.is_closed


async def test_a_log_that_was_never_started_takes_nothing() -> None:
    writer = LogWriter(MemoryStore(), log=Events().log())
    assert await refused(writer, decision(1)) == "the log is closed"
    await writer.aclose()


async def test_what_writers_announce_goes_the_same_way() -> None:
    store = MemoryStore()
    said = Announcement("gateway", "b1", 7, at=1.0)
    async with writing(store) as writer:
        store.gate.clear()
        together = asyncio.gather(writer.commit(seal(decision(1))), writer.announce([said]), writer.probe())
        await asyncio.sleep(0)
        store.gate.set()
        await together
        await writer.announce([])
        assert (store.announced, store.records, store.probes) == ([said], [decision(1)], 1)

        def judge(_: Sequence[Record]) -> None:
            raise StoreUnavailableError("the decision log cannot be used: database is locked")

        store.judge = judge
        with pytest.raises(RecordError, match="locked"):
            await writer.announce([said])


async def test_a_place_that_is_not_right_is_an_alarm_without_the_content(tmp_path: Path) -> None:
    events = Events()
    chain = chained([decision(1), decision(2), decision(3), decision(4)])
    forged = seal(msgspec.structs.replace(decision(2), version=2, previous="sha256:" + "0" * 64))
    async with writing(SqliteStore(tmp_path / "log.db"), events=events) as writer:
        await writer.commit_all([chain[0], forged, chain[3]])
        await writer.commit(chain[2])
    where = {"writer": "gateway", "boot": "b1"}
    assert events == [
        {"event": "record_unlinked", "level": "critical", **where, "sequence": 2},
        {"event": "records_missing", "level": "warning", **where, "sequence": 4},
    ]


async def test_a_conflict_is_an_alarm_without_the_content(tmp_path: Path) -> None:
    events = Events()
    async with writing(SqliteStore(tmp_path / "log.db"), events=events) as writer:
        await writer.commit(seal(decision(1)))
        await writer.commit(seal(decision(1, principal="corp|mallory")))
    (alarm,) = events.named("record_conflict")
    assert alarm == {"event": "record_conflict", "level": "critical", "writer": "gateway", "boot": "b1", "sequence": 1}
