"""Newline-delimited messages out of chunks of bytes, each within a bound (MCP 2026-07-28, "stdio")."""

from typing import Final

_NEWLINE: Final = b"\n"


class Lines:
    """Collects chunks and gives back whole lines; one that exceeds `max_bytes` comes back as None."""

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """The lines that `chunk` completes, without their line breaks; blank ones are left out."""
        found: list[bytes | None] = []
        *ends, rest = chunk.split(_NEWLINE)
        for end in ends:
            self._take(end, found)
            if not self._skipping and self._held.strip():
                found.append(bytes(self._held).rstrip(b"\r"))
            self._held.clear()
            self._skipping = False
        self._take(rest, found)
        return found

    def _take(self, part: bytes, found: list[bytes | None]) -> None:
        if self._skipping:
            return
        if len(self._held) + len(part) > self._max_bytes:
            self._skipping = True
            self._held.clear()
            found.append(None)
            return
        self._held += part
