import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, canonical, parse
from pdp.core.contract.reason_code import ReasonCode

LIMITS = JsonLimits(max_bytes=100_000, max_depth=32)

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
json_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_every_exact_value_is_read_as_the_standard_library_reads_it(value: object) -> None:
    raw = json.dumps(value).encode()
    assert parse(raw, limits=LIMITS) == json.loads(raw)


@given(json_values)
def test_canonical_bytes_read_back_as_the_same_value(value: object) -> None:
    assert canonical(parse(canonical(value), limits=LIMITS)) == canonical(value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[1,]",
        b"nul",
        b"NaN",
        b"Infinity",
        b"01",
        b"1 2",
        b"'a'",
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"b":[{"a":1,"a":2}]}}',
        b"18446744073709551616",
        b"-9223372036854775809",
        b"123456789012345678901234567890",
        b"1e400",
        b"0.1000000000000000055511151231257827",
        b"9007199254740993.0",
        b"1e-400",
        b"--9007199254740993",
        b"[1-9007199254740993]",
        b'{"a":-}',
        b"1" * 5000,
        b'"\\ud800"',
        b'"\xff"',
        b"\xef\xbb\xbf1",
        b'"a\nb"',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" * 10_000,
    ],
)
def test_what_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError) as refused:
        parse(raw, limits=LIMITS)
    assert refused.value.code is ReasonCode.MESSAGE_MALFORMED


def test_a_text_over_the_byte_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(MessageError) as refused:
        parse(b'"' + b"a" * 100_000 + b'"', limits=LIMITS)
    assert refused.value.code is ReasonCode.MESSAGE_TOO_LARGE


def test_strings_full_of_structure_are_neither_depth_nor_members() -> None:
    value = {"a": '{"a":{"a":[[[[\\"' * 50, "b": ":" * 100}
    assert parse(json.dumps(value).encode(), limits=LIMITS) == value


@pytest.mark.parametrize("raw", [b"1", b"1.0", b"true", b"null", b'"1"', b"[1]", b"{}"])
def test_values_of_different_type_have_different_canonical_bytes(raw: bytes) -> None:
    others = {b"1", b"1.0", b"true", b"null", b'"1"', b"[1]", b"{}"} - {raw}
    mine = canonical(parse(raw, limits=LIMITS))
    assert mine not in {canonical(parse(other, limits=LIMITS)) for other in others}


@given(json_values, json_values)
def test_a_repeated_name_is_refused_at_any_depth(first: object, second: object) -> None:
    one, two = msgspec.json.encode(first), msgspec.json.encode(second)
    for raw in (b'{"k":%b,"k":%b}' % (one, two), b'[[{"z":{"k":%b,"k":%b}}]]' % (one, two)):
        with pytest.raises(MessageError):
            parse(raw, limits=LIMITS)
