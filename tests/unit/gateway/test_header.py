import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcers.gateway.header import HeaderError, Headers, decoded, encoded

# MCP 2026-07-28, "Streamable HTTP", Value Encoding, the table of examples
EXAMPLES = [
    ("us-west1", "us-west1"),
    ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
    (" padded ", "=?base64?IHBhZGRlZCA=?="),
    ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
    ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
]


@pytest.mark.parametrize(("value", "header"), EXAMPLES)
def test_values_are_carried_as_the_specification_shows(value: str, header: str) -> None:
    assert encoded(value) == header
    assert decoded(header) == value


@given(st.text())
def test_every_value_survives_the_way(value: str) -> None:
    header = encoded(value)
    assert decoded(header) == value
    assert header.isascii()
    assert header.strip() == header


@pytest.mark.parametrize(
    "header",
    ["ä", "a\x00b", " a", "=?base64?bGluZTEKbGluZTI?=", "=?base64?!!!?=", "=?base64?/w==?=", "=?base64?QR==?=", "\x7f"],
)
def test_what_no_client_may_send_is_refused(header: str) -> None:
    with pytest.raises(HeaderError):
        decoded(header)


def test_names_compare_without_case_and_values_with() -> None:
    headers = Headers([(b"Mcp-Name", b" Echo "), (b"mcp-NAME", b"echo")])
    assert headers.all("MCP-name") == ["Echo", "echo"]
    with pytest.raises(HeaderError):
        headers.one("mcp-name")
    assert headers.one("other") is None
