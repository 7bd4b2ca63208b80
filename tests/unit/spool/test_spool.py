import asyncio
import os
import re
from pathlib import Path

import pytest

from enforcers.testing.records import InMemorySink
from pdp.core.contract.errors import RecordError
from pdp.core.contract.sealed import MAX_RECORD_BYTES
from pdp.core.settings.decision_point import LogMode
from tests.unit.spool.spooling import (
    Events,
    FailingDisk,
    assert_chained,
    crash,
    decision,
    make,
    on_disk,
    segments,
    spooling,
    until,
)

BOTH = pytest.mark.parametrize("mode", list(LogMode))


def _sink(unreachable: str | None = None) -> InMemorySink:
    sink = InMemorySink()
    sink.unreachable = unreachable
    return sink


@BOTH
async def test_what_was_appended_is_delivered_in_order_with_numbers_and_a_chain(tmp_path: Path, mode: LogMode) -> None:
    sink = _sink()
    async with spooling(tmp_path, sink, mode=mode) as spool:
        for name in "abc":
            await spool.append([decision(name)])
        await spool.append([decision("d"), decision("e")])
        await until(lambda: len(sink.contents) == 5)

    assert [record.id for record in sink.records] == list("abcde")
    assert [record.sequence for record in sink.records] == [1, 2, 3, 4, 5]
    assert {record.version for record in sink.records} == {2}
    assert re.fullmatch(r"[0-9a-f-]{14}7[0-9a-f-]{21}", sink.records[0].boot)
    assert_chained(sink.contents)


@BOTH
async def test_appends_of_one_turn_share_one_write(tmp_path: Path, mode: LogMode) -> None:
    disk = FailingDisk()
    async with spooling(tmp_path, _sink("gone"), mode=mode, disk=disk) as spool:
        await asyncio.gather(*(spool.append([decision(str(n))]) for n in range(50)))
        written = disk.writes

    assert written == 1
    assert len(on_disk(tmp_path / "0")) == 50


async def test_a_durable_append_waits_for_the_disk(tmp_path: Path) -> None:
    disk = FailingDisk()
    async with spooling(tmp_path, _sink("gone"), mode=LogMode.DURABLE, disk=disk) as spool:
        await spool.append([decision("a")])
        assert disk.syncs > 0


async def test_a_spooled_append_is_on_the_disk_soon_without_another_one(tmp_path: Path) -> None:
    disk = FailingDisk()
    async with spooling(tmp_path, _sink("gone"), disk=disk, sync_interval=0.01) as spool:
        await spool.append([decision("a")])
        await until(lambda: disk.syncs > 0)


@BOTH
async def test_the_chain_goes_on_over_runs(tmp_path: Path, mode: LogMode) -> None:
    sink = _sink()
    for name in "abc":
        async with spooling(tmp_path, sink, mode=mode) as spool:
            await spool.append([decision(name), decision(name * 2)])
    assert [record.id for record in sink.records] == ["a", "aa", "b", "bb", "c", "cc"]
    assert len({record.boot for record in sink.records}) == 3
    assert_chained(sink.contents)


async def test_the_newest_segment_stays_so_that_the_head_is_known(tmp_path: Path) -> None:
    sink = _sink()
    async with spooling(tmp_path, sink, segment_bytes=1) as spool:
        for name in "abcd":
            await spool.append([decision(name)])
        await until(lambda: len(sink.contents) == 4 and len(segments(tmp_path / "0")) == 1)

    (tmp_path / "0" / "cursor").unlink()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("e")])
    assert_chained(list(dict.fromkeys(sink.contents)))


async def test_while_the_store_is_gone_records_are_taken_and_later_delivered(tmp_path: Path) -> None:
    sink, events = _sink("no decision point took the records"), Events()
    async with spooling(tmp_path, sink, events=events) as spool:
        await asyncio.gather(*(spool.append([decision(str(n))]) for n in range(1000)))
        await until(lambda: sink.tries > 1)
        standing = spool.standing()
        assert (standing.records, standing.unusable) == (1000, None)
        assert standing.shipping_error == "no decision point took the records"
        assert standing.bytes > 1000 * 200
        assert standing.age is not None
        sink.unreachable = None
        await until(lambda: len(sink.contents) == 1000)
        await until(lambda: spool.standing().records == 0 and spool.standing().shipping_error is None)
        standing = spool.standing()
    assert (standing.records, standing.bytes, standing.age, standing.delivered) == (0, 0, None, 1000)
    assert_chained(sink.contents)
    assert len(events.named("records_not_shipped")) == 1


async def test_what_is_not_delivered_at_the_end_is_delivered_after_the_next_start(tmp_path: Path) -> None:
    sink = _sink("gone")
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a"), decision("b")])
    sink.unreachable = None
    async with spooling(tmp_path, sink) as spool:
        assert spool.standing().records == 2
        await until(lambda: len(sink.contents) == 2)


async def test_a_disk_that_takes_nothing_and_says_nothing_denies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with spooling(tmp_path, _sink()) as spool:
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", lambda *_: 0)
            with pytest.raises(RecordError, match="the spool cannot be written: Input/output error"):
                await spool.append([decision("a")])
        await spool.append([decision("b")])


async def test_a_full_spool_waits_for_room(tmp_path: Path) -> None:
    sink = _sink("gone")
    async with spooling(tmp_path, sink, max_bytes=1000, max_wait=20) as spool:
        await spool.append([decision("a", padding=1000)])
        waiting = asyncio.create_task(spool.append([decision("b")]))
        await until(lambda: sink.tries > 1)
        assert not waiting.done()
        sink.unreachable = None
        await waiting
        await until(lambda: len(sink.contents) == 2)


async def test_a_spool_that_stays_full_denies_and_says_why(tmp_path: Path) -> None:
    sink = _sink("the log is locked")
    async with spooling(tmp_path, sink, max_bytes=1000, max_wait=0.01) as spool:
        await spool.append([decision("a", padding=1000)])
        await until(lambda: spool.standing().shipping_error is not None)
        with pytest.raises(RecordError, match=r"full for 0\.01 s, 1 records wait: the log is locked"):
            await spool.append([decision("b")])
        assert spool.standing().unusable == "the spool is full: 1 records wait"
    assert len(on_disk(tmp_path / "0")) == 1


@BOTH
@pytest.mark.parametrize("room", [0, 1, 9, 17, 100, 300, 500, 600, 900])
async def test_a_full_disk_denies_the_whole_group_and_leaves_no_gap(tmp_path: Path, mode: LogMode, room: int) -> None:
    sink, disk, events = _sink(), FailingDisk(), Events()
    async with spooling(tmp_path, sink, mode=mode, disk=disk, events=events) as spool:
        await spool.append([decision("a")])
        await until(lambda: len(sink.contents) == 1)
        disk.room = room
        group = await asyncio.gather(*(spool.append([decision(n)]) for n in "bcde"), return_exceptions=True)
        assert [str(error) for error in group] == [
            "log_unavailable: the spool cannot be written: No space left on device"
        ] * 4
        assert spool.standing().unusable == "the spool cannot be written: No space left on device"
        disk.room = None
        await spool.check()
        assert spool.standing().unusable is None
        await spool.append([decision("f")])
        await until(lambda: len(sink.contents) == 2)
    assert [record.id for record in sink.records] == ["a", "f"]
    assert_chained(sink.contents)
    assert len(events.named("spool_not_written")) == 1


@pytest.mark.parametrize("room", [0, 1, 100, 300, 500, 600, 900, 1100])
async def test_what_cannot_be_taken_back_stays_in_the_chain(tmp_path: Path, room: int) -> None:
    sink, disk = _sink("gone"), FailingDisk()
    async with spooling(tmp_path, sink, disk=disk) as spool:
        await spool.append([decision("a")])
        disk.room, disk.fails_cuts = room, True
        group = await asyncio.gather(*(spool.append([decision(n)]) for n in "bcde"), return_exceptions=True)
        assert all(isinstance(error, RecordError) for error in group)
        disk.room, disk.fails_cuts = None, False
        await spool.append([decision("f")])
        await crash(spool)
    events = Events()
    sink.unreachable = None
    async with spooling(tmp_path, sink, events=events) as spool:
        await spool.append([decision("g")])
        await until(lambda: sink.records[-1].id == "g" if sink.records else False)
    assert "".join(record.id for record in sink.records) in {"afg", "abfg", "abcfg", "abcdfg"}
    assert_chained(sink.contents)
    assert events.named("spool_segment_damaged") == []


@pytest.mark.parametrize("mode", list(LogMode))
async def test_after_a_failed_sync_the_segment_is_not_trusted_again(tmp_path: Path, mode: LogMode) -> None:
    sink, disk, events = _sink(), FailingDisk(), Events()
    async with spooling(tmp_path, sink, mode=mode, disk=disk, events=events) as spool:
        await spool.append([decision("a")])
        await until(lambda: len(sink.contents) == 1)
        disk.fails_syncs = True
        if mode is LogMode.DURABLE:
            with pytest.raises(RecordError, match="does not reach the disk: Input/output error"):
                await spool.append([decision("b")])
        else:
            await spool.append([decision("b")])
        await until(lambda: len(events.named("spool_not_synced")) == 1)
        disk.fails_syncs = False
        await spool.append([decision("c")])
        await until(lambda: len(sink.contents) == 3)
        await until(lambda: segments(tmp_path / "0") == ["00000002.log"])
    assert [record.id for record in sink.records] == ["a", "b", "c"]
    assert_chained(sink.contents)


async def test_a_record_that_is_too_large_is_refused_and_takes_no_number(tmp_path: Path) -> None:
    sink = _sink()
    async with spooling(tmp_path, sink) as spool:
        large, small = await asyncio.gather(
            spool.append([decision("a"), decision("b", padding=MAX_RECORD_BYTES)]),
            spool.append([decision("c")]),
            return_exceptions=True,
        )
        await until(lambda: len(sink.contents) == 1)
    assert (small, type(large)) == (None, RecordError)
    assert [(record.id, record.sequence) for record in sink.records] == [("c", 1)]


@BOTH
async def test_a_caller_that_goes_away_does_not_take_its_record_with_it(tmp_path: Path, mode: LogMode) -> None:
    sink = _sink()
    async with spooling(tmp_path, sink, mode=mode) as spool:
        tasks = [asyncio.create_task(spool.append([decision(str(n))])) for n in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: len(sink.contents) == 10)
    assert_chained(sink.contents)


@BOTH
async def test_what_was_asked_for_before_the_end_is_kept_and_what_comes_after_is_refused(
    tmp_path: Path, mode: LogMode
) -> None:
    sink = _sink()
    spool = make(tmp_path, sink, mode=mode)
    with pytest.raises(RecordError, match="the spool is closed"):
        await spool.append([decision("early")])
    await spool.start()
    appending = asyncio.create_task(spool.append([decision("a")]))
    await asyncio.sleep(0)
    await spool.aclose()
    await appending
    with pytest.raises(RecordError, match="the spool is closed"):
        await spool.append([decision("late")])
    assert [record.id for record in sink.records] == ["a"]


async def test_closing_does_not_wait_for_a_store_that_is_gone(tmp_path: Path) -> None:
    sink = _sink("gone")
    spool = make(tmp_path, sink, drain=600)
    await spool.start()
    await spool.append([decision("a")])
    async with asyncio.timeout(30):
        await spool.aclose()
    assert len(on_disk(tmp_path / "0")) == 1


async def test_files_are_private(tmp_path: Path) -> None:
    sink = _sink()
    sink.refuses = {"a"}
    async with spooling(tmp_path / "deep" / "spool", sink) as spool:
        await spool.append([decision("a")])
        await spool.append([decision("b")])
        await until(lambda: len(sink.contents) == 1)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "deep").rglob("*")}
    assert modes == {"spool": 0o700, "0": 0o700, "00000001.log": 0o600, "cursor": 0o600, "refused.log": 0o600}


async def test_heads_say_how_far_each_run_is(tmp_path: Path) -> None:
    sink = _sink("gone")
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a"), decision("b")])
        first = spool.heads()
        assert [head.sequence for head in first] == [2]
    async with spooling(tmp_path, sink) as spool:
        assert spool.heads() == first
        await spool.append([decision("c")])
        assert [head.sequence for head in spool.heads()] == [1, 2]
        assert spool.heads()[1:] == first
