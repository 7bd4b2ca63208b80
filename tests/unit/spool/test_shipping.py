import json
import os
from collections.abc import Sequence
from pathlib import Path

from enforcers.testing.records import InMemorySink
from pdp.core.contract.run_head import RunHead
from pdp.core.contract.sealed import unseal
from pdp.spool.frame import HEADER
from tests.unit.spool.spooling import Events, FailingDisk, assert_chained, crash, decision, on_disk, spooling, until


class _Watching(InMemorySink):
    """Remembers how large each delivery was."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, int]] = []

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        await super().deliver(contents, heads=heads)
        self.sizes.append((len(contents), sum(map(len, contents))))


async def test_a_delivery_has_at_most_250_records_and_a_mebibyte(tmp_path: Path) -> None:
    sink = _Watching()
    sink.unreachable = "gone"
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision(str(n)) for n in range(600)])
        await spool.append([decision(str(n), padding=400_000) for n in range(600, 606)])
        sink.unreachable = None
        await until(lambda: len(sink.contents) == 606)
    assert max(count for count, _ in sink.sizes) == 250
    assert max(size for _, size in sink.sizes) <= 1024 * 1024
    assert_chained(sink.contents)


async def test_the_largest_record_is_delivered(tmp_path: Path) -> None:
    sink = InMemorySink()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a", padding=1024 * 1024 - 1000), decision("b")])
        await until(lambda: len(sink.contents) == 2)


async def test_one_refused_record_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    sink, events = InMemorySink(), Events()
    sink.refuses = {"17", "180", "181"}
    async with spooling(tmp_path, sink, events=events) as spool:
        await spool.append([decision(str(n)) for n in range(300)])
        await until(lambda: spool.standing().records == 0)
        standing = spool.standing()
    assert (standing.delivered, standing.refused, standing.shipping_error) == (297, 3, None)
    assert len(sink.contents) == 297
    lines = (tmp_path / "0" / "refused.log").read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["17", "180", "181"]
    assert [event["sequence"] for event in events.named("record_refused")] == [18, 181, 182]
    assert {event["level"] for event in events.named("record_refused")} == {"critical"}
    assert [unseal(line).record.id for line in lines] == ["17", "180", "181"]


async def test_a_refused_record_waits_while_it_cannot_be_put_aside(tmp_path: Path) -> None:
    sink, disk = InMemorySink(), FailingDisk()
    sink.refuses = {"a"}
    async with spooling(tmp_path, sink, disk=disk) as spool:
        await spool.append([decision("a"), decision("b")])
        disk.room = 0
        await until(lambda: spool.standing().shipping_error == "No space left on device")
        assert spool.standing().refused == 0
        disk.room = None
        await until(lambda: spool.standing().records == 0)
    assert len((tmp_path / "0" / "refused.log").read_bytes().splitlines()) == 1


async def test_a_line_that_was_interrupted_does_not_spoil_the_next_refused_record(tmp_path: Path) -> None:
    sink = InMemorySink()
    sink.refuses = {"a"}
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "refused.log").write_bytes(b'{"kind":"deci')
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a")])
        await until(lambda: spool.standing().refused == 1)
    lines = (tmp_path / "0" / "refused.log").read_bytes().splitlines()
    assert [line[:13] for line in lines] == [b'{"kind":"deci', b'{"boot":"' + lines[1][9:13]]


async def test_a_full_disk_does_not_keep_from_delivering(tmp_path: Path) -> None:
    sink, disk = InMemorySink(), FailingDisk()
    sink.unreachable = "gone"
    async with spooling(tmp_path, sink, disk=disk) as spool:
        await spool.append([decision("a"), decision("b")])
        disk.room = 0
        sink.unreachable = None
        await until(lambda: spool.standing().records == 0)
    assert len(sink.contents) == 2


async def test_after_a_kill_between_delivery_and_cursor_records_come_again_as_they_were(tmp_path: Path) -> None:
    sink = InMemorySink()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a"), decision("b")])
        await until(lambda: spool.standing().records == 0)
        await crash(spool)
    (tmp_path / "0" / "cursor").unlink()
    async with spooling(tmp_path, sink):
        await until(lambda: len(sink.contents) == 4)
    assert sink.contents[:2] == sink.contents[2:]


async def test_a_damaged_cursor_repeats_records_and_loses_none(tmp_path: Path) -> None:
    sink, events = InMemorySink(), Events()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a"), decision("b")])
    cursor = tmp_path / "0" / "cursor"
    cursor.write_bytes(cursor.read_bytes().replace(b'"segment":1', b'"segment":9'))
    async with spooling(tmp_path, sink, events=events):
        await until(lambda: len(sink.contents) == 4)
    assert len(events.named("spool_cursor_unreadable")) == 1


async def test_a_segment_that_is_altered_meanwhile_is_set_aside_and_the_rest_of_it_delivered(tmp_path: Path) -> None:
    sink, events = InMemorySink(), Events()
    sink.unreachable = "gone"
    async with spooling(tmp_path, sink, events=events) as spool:
        await spool.append([decision("a"), decision("b"), decision("c")])
        await until(lambda: sink.tries > 0)
        segment = tmp_path / "0" / "00000001.log"
        with segment.open("r+b") as file:
            os.pwrite(file.fileno(), b"!", len(HEADER) + 100)
        sink.unreachable = None
        await until(lambda: len(sink.contents) == 2)
        await spool.append([decision("d")])
        await until(lambda: len(sink.contents) == 3)
    assert [record.id for record in sink.records] == ["b", "c", "d"]
    assert (tmp_path / "0" / "00000001.damaged").exists()
    assert len(events.named("spool_segment_damaged")) == 1


async def test_a_segment_that_is_removed_meanwhile_does_not_stop_the_others(tmp_path: Path) -> None:
    sink, events = InMemorySink(), Events()
    sink.unreachable = "gone"
    async with spooling(tmp_path, sink, events=events, segment_bytes=1) as spool:
        await spool.append([decision("a")])
        await spool.append([decision("b")])
        await until(lambda: sink.tries > 0)
        (tmp_path / "0" / "00000001.log").unlink()
        sink.unreachable = None
        await until(lambda: spool.standing().records == 0)
    assert [record.id for record in sink.records] == ["b"]
    assert len(events.named("spool_segment_damaged")) == 1


async def test_whatever_a_sink_raises_records_wait(tmp_path: Path) -> None:
    class Broken(InMemorySink):
        async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
            self.tries += 1
            if self.tries == 1:
                raise ZeroDivisionError
            await super().deliver(contents, heads=heads)

    sink = Broken()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a")])
        await until(lambda: len(sink.contents) == 1)
        assert on_disk(tmp_path / "0")
