import uuid

from pdp.core.contract.identifier import rfc3339, uuid7


def test_a_later_identifier_sorts_later_and_is_a_version_7_uuid() -> None:
    first, second = uuid7(unix_ms=1_000, randomness=b"\xff" * 10), uuid7(unix_ms=1_001, randomness=b"\x00" * 10)
    assert first < second
    assert {uuid.UUID(first).version, uuid.UUID(second).version} == {7}
    assert {uuid.UUID(first).variant, uuid.UUID(second).variant} == {uuid.RFC_4122}


def test_times_are_utc_with_milliseconds() -> None:
    assert rfc3339(1_785_229_200.0004) == "2026-07-28T09:00:00.000Z"
