import random

from hypothesis import given
from hypothesis import strategies as st

from pdp.spool.frame import HEADER, frame, read_segment

CONTENTS = st.lists(st.text(max_size=30).map(lambda text: b'{"a":"' + text.encode() + b'"}'), max_size=6)


def _contents(data: bytes) -> list[bytes]:
    return [one.content for one in read_segment(data).frames]


@given(CONTENTS)
def test_what_was_written_is_read(contents: list[bytes]) -> None:
    reading = read_segment(HEADER + b"".join(map(frame, contents)))

    assert ([one.content for one in reading.frames], reading.damaged, reading.torn) == (contents, 0, 0)


@given(CONTENTS)
def test_a_segment_cut_at_any_byte_is_read_as_a_prefix_and_the_rest_is_told(contents: list[bytes]) -> None:
    data = HEADER + b"".join(map(frame, contents))
    for size in range(len(data)):
        reading = read_segment(data[:size])
        found = [one.content for one in reading.frames]
        assert found == contents[: len(found)]
        assert reading.damaged == 0
        assert reading.torn == size - (reading.frames[-1].end if found else len(HEADER) if size >= len(HEADER) else 0)


@given(CONTENTS.filter(bool), st.integers(1, 255))
def test_no_altered_byte_goes_unseen_and_no_altered_content_is_read(contents: list[bytes], flip: int) -> None:
    data = HEADER + b"".join(map(frame, contents))
    for at in range(len(data)):
        altered = bytearray(data)
        altered[at] ^= flip
        reading = read_segment(bytes(altered))
        assert reading.damaged + reading.torn > 0
        left = list(contents)
        for one in reading.frames:  # in order, each one that was written
            left = left[left.index(one.content) + 1 :]
        assert len(reading.frames) >= len(contents) - 1 or reading.torn


@given(CONTENTS, st.binary(max_size=60))
def test_whatever_follows_frames_does_not_take_them_away(contents: list[bytes], noise: bytes) -> None:
    data = HEADER + b"".join(map(frame, contents))

    assert _contents(data + noise)[: len(contents)] == contents


@given(st.binary(max_size=200))
def test_noise_is_no_record(noise: bytes) -> None:
    reading = read_segment(noise)

    assert reading.frames == []
    assert reading.damaged + reading.torn == len(noise) - (len(HEADER) if noise.startswith(HEADER) else 0)


def test_frames_behind_damage_are_found_again() -> None:
    first, second, third = (frame(b'{"n":%d}' % n) for n in range(3))
    middle = bytearray(second)
    middle[2] = 0xFF  # the length

    reading = read_segment(HEADER + first + bytes(middle) + third)

    assert [one.content for one in reading.frames] == [b'{"n":0}', b'{"n":2}']
    assert reading.damaged == len(second)


def test_zeros_at_the_end_are_what_a_power_cut_leaves() -> None:
    reading = read_segment(HEADER + frame(b"{}") + bytes(4096))

    assert (len(reading.frames), reading.damaged, reading.torn) == (1, 0, 4096)


def test_marks_in_noise_do_not_take_long() -> None:
    noise = random.Random(7).randbytes(1024) + b"\xff\x00\x0f\xff\xff" * 100_000

    assert read_segment(HEADER + noise + frame(b"{}")).frames[0].content == b"{}"
