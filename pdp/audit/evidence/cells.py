"""Values of a database that somebody may have altered: SQLite takes any kind of value in any column."""

from typing import Any, Final

NO_NUMBER: Final = -1


def blob(value: Any) -> bytes:
    """`value` as bytes; of another kind, bytes that are no content and no digest that was written."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return b"" if value is None else str(value).encode("utf-8", "surrogatepass")


def number(value: Any) -> int:
    """`value` as an integer, -1 where it is none."""
    return value if isinstance(value, int) else NO_NUMBER


def text(value: Any) -> str:
    """`value` as text."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return "" if value is None else str(value)
