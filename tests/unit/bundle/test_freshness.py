"""Statements of freshness: about one bundle, not from the future, at a time that is one."""

import msgspec
import pytest

from pdp.core.bundle.freshness import MAX_SKEW, Freshness, freshness_of
from pdp.core.bundle.manifest import manifest_of
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from tests.signed_bundles import NOW

FILES = {"policies/a.cedar": b"// a"}
MANIFEST = manifest_of(FILES, serial=3)
STATEMENT = freshness_of(MANIFEST, now=NOW)


def refusal(statement: Freshness, *, now: float = NOW) -> str:
    with pytest.raises(BundleError) as refused:
        statement.check(MANIFEST, now=now)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    return refused.value.detail


def malformed(raw: bytes) -> None:
    with pytest.raises(BundleError) as refused:
        Freshness.from_json(raw)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    assert refused.value.detail.isprintable()


def issued(text: str) -> Freshness:
    return msgspec.structs.replace(STATEMENT, issued=text)


def test_a_statement_says_when_its_bundle_was_the_newest() -> None:
    assert Freshness.from_json(STATEMENT.to_json()) == STATEMENT
    assert STATEMENT.check(MANIFEST, now=NOW) == NOW
    assert STATEMENT.check(MANIFEST, now=NOW + 1000.0) == NOW


def test_a_statement_about_another_bundle_is_none() -> None:
    other = manifest_of({"policies/a.cedar": b"// b"}, serial=3)
    assert "serial 2" in refusal(freshness_of(manifest_of(FILES, serial=2), now=NOW))
    assert "serial 4" in refusal(freshness_of(manifest_of(FILES, serial=4), now=NOW))
    refusal(freshness_of(other, now=NOW))


def test_two_clocks_may_differ_by_a_minute_and_nothing_is_fresher_than_now() -> None:
    assert STATEMENT.check(MANIFEST, now=NOW - MAX_SKEW) == NOW - MAX_SKEW
    assert "future" in refusal(STATEMENT, now=NOW - MAX_SKEW - 0.001)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0.0),
        ("1970-01-01T02:00:00+02:00", 0.0),
        ("1969-12-31T12:00:00-12:00", 0.0),
        ("1970-01-01T00:00:00.5Z", 0.5),
        ("0001-01-01T00:00:00Z", -62135596800.0),
    ],
)
def test_times_are_read_with_their_offsets(text: str, seconds: float) -> None:
    assert Freshness.from_json(issued(text).to_json()).check(MANIFEST, now=NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1800000000",
        "2027-01-15T08:00:00",
        "2027-01-15",
        "08:00:00Z",
        "2027-02-30T08:00:00Z",
        "2027-01-15T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00+99:00",
        "2027-01-15T08:00:00Z\n",
        " 2027-01-15T08:00:00Z",
        "\u0662\u0660\u0662\u0667-01-15T08:00:00Z",
        "20270115T080000Z",
        "2027-W02-5T08:00:00Z",
        "2027-01-15T08Z",
        "2027-01-15T08:00Z",
        "2027-01-15 08:00:00Z",
        "2027-01-15T08:00:00,5Z",
        "2027-01-15T08:00:00+02:00:30",
        "2027-01-15T08:00:00+0200",
        "9" * 10_000,
    ],
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    malformed(issued(text).to_json())


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "2100-01-01T00:00:00Z"])
def test_a_time_far_ahead_is_the_future(text: str) -> None:
    assert "future" in refusal(Freshness.from_json(issued(text).to_json()))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"null",
        b"\xff",
        STATEMENT.to_json()[:-1],
        STATEMENT.to_json().replace(b'"serial":3', b'"serial":3.0'),
        STATEMENT.to_json().replace(b'"serial":3', b'"serial":true'),
        STATEMENT.to_json().replace(b'"version":1', b'"version":2'),
        STATEMENT.to_json().replace(b'"version":1', b'"version":1,"more":1'),
        STATEMENT.to_json().replace(b'"issued":"', b'"issued":null,"also":"'),
        b"[" * 100_000,
    ],
)
def test_what_is_no_statement_is_refused(raw: bytes) -> None:
    malformed(raw)
