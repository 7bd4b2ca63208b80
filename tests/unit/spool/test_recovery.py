import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enforcers.testing.records import InMemorySink
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.sealed import unseal
from pdp.spool.frame import HEADER, frame, read_segment
from tests.unit.spool.spooling import (
    Events,
    FailingDisk,
    assert_chained,
    crash,
    decision,
    make,
    segments,
    spooling,
    until,
)


async def _left(path: Path, names: str, *, runs: int = 1, **options: object) -> bytes:
    """Leave a record for each of `names` in `path`, undelivered; the bytes of the last segment."""
    sink = InMemorySink()
    sink.unreachable = "gone"
    for run in range(runs):
        async with spooling(path, sink, **options) as spool:
            await spool.append([decision(name if runs == 1 else f"{name}{run}") for name in names])
            await crash(spool)
    return max((path / "0").glob("*.log")).read_bytes()


async def _delivered(path: Path, count: int, events: Events | None = None, **options: object) -> list[bytes]:
    """What is delivered of `count` records and of one more, `last`, by the next run."""
    sink = InMemorySink()
    async with spooling(path, sink, events=events, **options) as spool:
        await spool.append([decision("last")])
        await until(lambda: len(sink.contents) == count + 1)
    return sink.contents


def _ids(contents: list[bytes]) -> list[str]:
    return [unseal(content).record.id for content in contents]


async def test_a_torn_tail_is_cut_and_told(tmp_path: Path) -> None:
    data = await _left(tmp_path, "abc")
    segment = tmp_path / "0" / "00000001.log"
    segment.write_bytes(data[:-7])
    events = Events()
    contents = await _delivered(tmp_path, 2, events)
    assert _ids(contents) == ["a", "b", "last"]
    assert_chained(contents)
    third = read_segment(data).frames[2]
    assert [event["bytes"] for event in events.named("spool_tail_cut")] == [third.end - third.start - 7]
    assert events.named("spool_segment_damaged") == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_cut_anywhere_a_prefix_is_delivered_and_the_chain_goes_on(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("spool")
    whole = await _left(path, "abc")
    size = data.draw(st.integers(0, len(whole)))
    (path / "0" / "00000001.log").write_bytes(whole[:size])
    count = len(read_segment(whole[:size]).frames)
    contents = await _delivered(path, count)
    assert _ids(contents) == [*"abc"[:count], "last"]
    assert_chained(contents)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_any_altered_byte_is_told_and_no_altered_record_is_delivered(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("spool")
    whole = bytearray(await _left(path, "abc"))
    written = [one.content for one in read_segment(bytes(whole)).frames]
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    (path / "0" / "00000001.log").write_bytes(whole)
    events, expected = Events(), [one.content for one in read_segment(bytes(whole)).frames]
    contents = await _delivered(path, len(expected), events)
    assert set(contents[:-1]) <= set(written)
    assert contents[:-1] == expected
    told = events.named("spool_segment_damaged") + events.named("spool_tail_cut")
    assert len(told) == 1
    if contents[:-1] and contents[-2] == written[-1]:
        assert unseal(contents[-1]).record.previous == unseal(written[-1]).digest


async def test_a_segment_with_a_bad_frame_in_the_middle_is_kept_and_the_rest_of_it_delivered(tmp_path: Path) -> None:
    data = bytearray(await _left(tmp_path, "abc"))
    data[read_segment(bytes(data)).frames[1].start + 50] ^= 1
    (tmp_path / "0" / "00000001.log").write_bytes(data)
    events = Events()
    contents = await _delivered(tmp_path, 2, events, segment_bytes=1)
    assert _ids(contents) == ["a", "c", "last"]
    [event] = events.named("spool_segment_damaged")
    assert (event["level"], event["segment"], event["broken_links"]) == ("critical", 1, 1)
    assert unseal(contents[2]).record.previous == unseal(contents[1]).digest

    # the next runs neither deliver it again nor tell of it again, and it is still there
    more = Events()
    assert _ids(await _delivered(tmp_path, 0, more)) == ["last"]
    assert more.named("spool_segment_damaged") == []
    kept = [path for path in (tmp_path / "0").iterdir() if path.name.startswith("00000001.damaged")]
    assert [path.read_bytes() for path in kept] == [bytes(data)]


async def test_a_removed_record_shows_in_the_chain(tmp_path: Path) -> None:
    data = await _left(tmp_path, "abc")
    frames = read_segment(data).frames
    (tmp_path / "0" / "00000001.log").write_bytes(data[: frames[1].start] + data[frames[1].end :])
    events = Events()
    assert _ids(await _delivered(tmp_path, 2, events)) == ["a", "c", "last"]
    assert [event["broken_links"] for event in events.named("spool_segment_damaged")] == [1]


async def test_a_segment_of_another_program_is_set_aside(tmp_path: Path) -> None:
    await _left(tmp_path, "ab")
    (tmp_path / "0" / "00000002.log").write_bytes(b"toolgate-spool-9\nwhatever it is")
    events = Events()
    contents = await _delivered(tmp_path, 2, events)
    assert _ids(contents) == ["a", "b", "last"]
    assert_chained(contents)
    assert [event["segment"] for event in events.named("spool_segment_damaged")] == [2]
    assert (tmp_path / "0" / "00000002.damaged.shipped").read_bytes() == b"toolgate-spool-9\nwhatever it is"


async def test_what_is_no_record_is_shipped_for_the_store_to_judge(tmp_path: Path) -> None:
    data = await _left(tmp_path, "a")
    (tmp_path / "0" / "00000001.log").write_bytes(data + frame(b'{"kind":"stranger"}'))
    events, sink = Events(), InMemorySink()
    async with spooling(tmp_path, sink, events=events) as spool:
        await until(lambda: sink.tries > 0 and spool.standing().shipping_error is not None)
        assert spool.standing().records == 2  # this sink, a test's, cannot read it
    assert [event["no_records"] for event in events.named("spool_segment_damaged")] == [1]


async def test_links_pipes_and_foreign_files_are_told_and_not_followed(tmp_path: Path) -> None:
    slot = tmp_path / "0"
    slot.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(HEADER + frame(b'{"stolen":1}'))
    (slot / "00000001.log").symlink_to(secret)
    os.mkfifo(slot / "00000002.log")
    (slot / "notes.txt").write_text("mine")
    events = Events()
    assert _ids(await _delivered(tmp_path, 0, events)) == ["last"]
    assert [event["segment"] for event in events.named("spool_segment_damaged")] == [1, 2]
    assert [event["name"] for event in events.named("spool_foreign_file")] == ["notes.txt"]
    assert secret.exists()
    assert (slot / "notes.txt").read_text() == "mine"
    assert {"00000001.damaged", "00000002.damaged"} <= set(segments(slot))


async def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableError, match=r"the spool `.*` cannot be used: .*; make it a folder that this user owns"):
        await make(tmp_path / "spool", InMemorySink()).start()


async def test_a_file_where_the_folder_should_be_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    with pytest.raises(UnusableError, match="make it a folder that this user owns, or name another"):
        await make(tmp_path / "spool", InMemorySink()).start()


async def test_a_folder_that_others_can_read_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir(mode=0o755)
    async with spooling(tmp_path, InMemorySink()):
        assert (tmp_path / "0").stat().st_mode & 0o777 == 0o700


async def test_several_runs_that_were_killed_are_delivered_as_one_chain(tmp_path: Path) -> None:
    await _left(tmp_path, "ab", runs=3)
    contents = await _delivered(tmp_path, 6)
    assert _ids(contents) == ["a0", "b0", "a1", "b1", "a2", "b2", "last"]
    assert_chained(contents)


async def test_the_head_is_known_though_the_spool_has_lost_what_was_delivered(tmp_path: Path) -> None:
    sink = InMemorySink()
    async with spooling(tmp_path, sink) as spool:
        await spool.append([decision("a"), decision("b")])
    (tmp_path / "0" / "00000001.log").write_bytes(b"")
    contents = sink.contents + await _delivered(tmp_path, 0)
    assert_chained(contents)


async def test_another_writer_begins_a_chain(tmp_path: Path) -> None:
    await _left(tmp_path, "a")
    sink, events = InMemorySink(), Events()
    async with spooling(tmp_path, sink, events=events) as spool:
        await spool.append([decision("b", writer="other")])
        await until(lambda: len(sink.contents) == 2)
    assert [record.previous for record in sink.records] == [None, None]
    async with spooling(tmp_path, sink, events=events):
        pass
    assert events.named("spool_segment_damaged") == []


async def test_a_cut_that_fails_leaves_the_torn_tail_out(tmp_path: Path) -> None:
    data = await _left(tmp_path, "abc")
    (tmp_path / "0" / "00000001.log").write_bytes(data[:-7])
    disk = FailingDisk()
    disk.fails_cuts = True
    contents = await _delivered(tmp_path, 2, disk=disk)
    assert _ids(contents) == ["a", "b", "last"]
    assert_chained(contents)
