"""Server-sent events out of chunks of bytes (WHATWG HTML, "Server-sent events"), as far as MCP uses them."""

from typing import Final

_BOM: Final = b"\xef\xbb\xbf"


class EventStream:
    """Collects chunks and gives back the data of whole events of type `message`."""

    def __init__(self) -> None:
        self._rest = b""
        self._first = True
        self._data: list[bytes] = []
        self._type = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes; events without data are left out."""
        self._rest += chunk
        found: list[bytes] = []
        lines = self._rest.splitlines(keepends=True)
        # A last line may go on, and a CR at the end may be half of a CRLF.
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            self._take(line.rstrip(b"\r\n"), found)
        return found

    def _take(self, line: bytes, found: list[bytes]) -> None:
        if self._first:
            line, self._first = line.removeprefix(_BOM), False
        if not line:
            data = b"\n".join(self._data)
            if data and self._type in {b"", b"message"}:
                found.append(data)
            self._data, self._type = [], b""
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
