import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcers.gateway.upstreams.event_stream import EventStream


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_events_are_found_with_either_line_end(end: bytes) -> None:
    lines = [
        b": comment",
        b"event: message",
        b"id: 7",
        b'data: {"a":1}',
        b"",
        b"data: x",
        b"data:y",
        b"",
        b"data: open",
    ]
    assert EventStream().feed(end.join(lines)) == [b'{"a":1}', b"x\ny"]


def test_other_events_and_those_without_data_are_left_out() -> None:
    stream = b"event: endpoint\ndata: /x\n\nevent: message\n\nid: 1\ndata:\n\ndata: 1\n\n"
    assert EventStream().feed(stream) == [b"1"]


def test_a_byte_order_mark_at_the_start_is_no_part_of_a_name() -> None:
    assert EventStream().feed(b"\xef\xbb\xbfdata: 1\n\n") == [b"1"]


@given(
    st.lists(st.sampled_from([b"data: 1", b"\n", b"\r\n", b"event: x", b":", b"data", b"\n\n"]), max_size=30), st.data()
)
def test_how_a_stream_is_cut_changes_nothing(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    stream, found = EventStream(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += stream.feed(whole[start:end])
    assert found == EventStream().feed(whole)
