from hypothesis import given
from hypothesis import strategies as st

from enforcers.gateway.lines import Lines

CHUNKS = st.lists(st.binary(max_size=12), max_size=20)


def test_lines_come_whole_however_they_are_cut() -> None:
    lines = Lines(max_bytes=100)
    assert lines.feed(b'{"a"') == []
    assert lines.feed(b":1}\n\n  \n[2]\r\n[") == [b'{"a":1}', b"[2]"]
    assert lines.feed(b"3]\n") == [b"[3]"]


def test_a_line_over_the_bound_comes_back_as_none_once_and_the_next_is_read_again() -> None:
    lines = Lines(max_bytes=4)
    assert lines.feed(b"12345") == [None]
    assert lines.feed(b"6789") == []
    assert lines.feed(b"0\nabcd\nabcde\n") == [b"abcd", None]


@given(CHUNKS)
def test_how_bytes_are_cut_into_chunks_changes_nothing(chunks: list[bytes]) -> None:
    cut, whole = Lines(max_bytes=8), Lines(max_bytes=8)
    found = [line for chunk in chunks for line in cut.feed(chunk)]
    assert found == whole.feed(b"".join(chunks))


@given(CHUNKS)
def test_no_more_is_held_than_the_bound(chunks: list[bytes]) -> None:
    lines = Lines(max_bytes=8)
    for chunk in chunks:
        assert all(line is None or len(line) <= 8 for line in lines.feed(chunk))
        assert len(lines._held) <= 8
