import asyncio
import subprocess
import sys
import threading
from pathlib import Path

from enforcers.testing.records import InMemorySink
from tests.unit.spool.spooling import crash, decision, make, on_disk, spooling, until


async def test_processes_that_share_a_folder_have_a_slot_each(tmp_path: Path) -> None:
    first, second = InMemorySink(), InMemorySink()
    async with spooling(tmp_path, first) as one, spooling(tmp_path, second) as other:
        await one.append([decision("a")])
        await other.append([decision("b")])
        await until(lambda: len(first.contents) == len(second.contents) == 1)
    assert [record.id for record in on_disk(tmp_path / "0")] == ["a"]
    assert [record.id for record in on_disk(tmp_path / "1")] == ["b"]
    assert [record.previous for record in (*first.records, *second.records)] == [None, None]


async def test_what_is_left_in_a_slot_that_nobody_holds_is_delivered(tmp_path: Path) -> None:
    gone = InMemorySink()
    gone.unreachable = "gone"
    async with spooling(tmp_path, gone) as one, spooling(tmp_path, gone) as other:
        await one.append([decision("a")])
        await other.append([decision("b"), decision("c")])
        left = other.heads()
        await crash(one)
        await crash(other)
    sink = InMemorySink()
    sink.unreachable = "gone"
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("d")])
        await until(lambda: sink.tries > 1)
        assert spool.standing().records == 4
        assert left[0] in spool.heads()
        sink.unreachable = None
        await until(lambda: len(sink.contents) == 4)
        await until(lambda: len(spool.heads()) == 1)
        # its slot can be had again
        async with spooling(tmp_path, sink) as another:
            await another.append([decision("e")])
            await until(lambda: len(sink.contents) == 5)
    assert [record.id for record in on_disk(tmp_path / "1")][-1] == "e"
    assert {record.id for record in sink.records} == set("abcde")


async def test_releases_at_once_close_a_slot_once(tmp_path: Path) -> None:
    spool = make(tmp_path, InMemorySink())
    await spool.start()
    (slot,) = spool._slots()
    may_end = threading.Event()
    slot._readers.submit(may_end.wait, 30)
    for task in slot._tasks:
        task.cancel()
    await asyncio.gather(*slot._tasks, return_exceptions=True)
    releases = [asyncio.ensure_future(asyncio.to_thread(slot.release)) for _ in range(4)]
    await asyncio.sleep(0.01)
    may_end.set()
    assert await asyncio.gather(*releases) == [None] * 4
    assert slot.is_released


async def test_a_slot_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX);"
        "print(flush=True); sys.stdin.read()"
    )
    held = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", code, str(tmp_path / "0")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert held.stdout is not None
        held.stdout.readline()
        async with spooling(tmp_path, InMemorySink()) as spool:
            await spool.append([decision("a")])
        assert not on_disk(tmp_path / "0")
        assert len(on_disk(tmp_path / "1")) == 1
    finally:
        held.communicate()


async def test_a_child_process_does_not_hold_a_slot(tmp_path: Path) -> None:
    sink = InMemorySink()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a")])
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)  # noqa: ASYNC220
    try:
        async with spooling(tmp_path, sink) as spool:
            await spool.append([decision("b")])
        assert not (tmp_path / "1").exists()
    finally:
        child.communicate(b"\n")
