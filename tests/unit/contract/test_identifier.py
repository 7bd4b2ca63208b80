import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pdp.core.contract.identifier import rfc3339, uuid7


def test_a_later_identifier_sorts_later_and_is_a_version_7_uuid() -> None:
    first, second = uuid7(unix_ms=1_000, randomness=b"\xff" * 10), uuid7(unix_ms=1_001, randomness=b"\x00" * 10)
    assert first < second
    assert {uuid.UUID(first).version, uuid.UUID(second).version} == {7}
    assert {uuid.UUID(first).variant, uuid.UUID(second).variant} == {uuid.RFC_4122}


def test_times_are_utc_with_milliseconds() -> None:
    assert rfc3339(1_785_229_200.0004) == "2026-07-28T09:00:00.000Z"


@given(st.floats(0, 4e9))
def test_a_time_is_written_as_datetime_writes_it(moment: float) -> None:
    plain = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert rfc3339(moment) == plain


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_identifier_is_a_uuid_of_version_7_with_its_time(unix_ms: int, randomness: bytes) -> None:
    found = uuid.UUID(uuid7(unix_ms=unix_ms, randomness=randomness))
    assert (found.version, found.variant, found.int >> 80) == (7, uuid.RFC_4122, unix_ms)
    free = ~(0xF << 76 | 0x3 << 62) & (1 << 80) - 1
    assert found.int & free == int.from_bytes(randomness, "big") & free
