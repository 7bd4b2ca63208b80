import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.contract.base64url import decode, encode


@given(st.binary(max_size=64))
def test_bytes_come_back(content: bytes) -> None:
    assert decode(encode(content)) == content


@pytest.mark.parametrize(
    "text", ["YQ==", "YR", "Y", "YWI\n", "YW I", "Y+8", "Y/8", "ÿYQ", "Y-_=", "YQ.", "\ud800", "YQ\0", "=", "a" * 5]
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)
