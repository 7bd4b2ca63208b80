"""Time and randomness, as arguments; the edges make one from the machine's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.identifier import uuid7

_IDENTIFIER_BYTES: Final = 10
_PIECES: Final = 400


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is Unix seconds, `steady` seconds on a clock that never steps, `randomness` n bytes of it."""

    wall: Callable[[], float]
    steady: Callable[[], float]
    randomness: Callable[[int], bytes]

    def identifier(self) -> str:
        """A new UUIDv7."""
        return uuid7(unix_ms=int(self.wall() * 1000), randomness=self.randomness(_IDENTIFIER_BYTES))


class IdentifierRandomness:
    """Randomness from `source`, fetched for many identifiers at once; any other size is passed on to it.

    A fetch from the system lets other threads run first, and with a busy one that takes longer than a decision.
    """

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._pieces: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        """`size` bytes that were never given out before."""
        if size != _IDENTIFIER_BYTES:
            return self._source(size)
        while True:
            try:
                return self._pieces.pop()  # INVARIANT: of two threads, each gets another piece
            except IndexError:
                block = self._source(_PIECES * size)
                self._pieces += [block[start : start + size] for start in range(0, len(block), size)]

    def forget(self) -> None:
        """Drop what was fetched; a forked process must, since its parent has the same."""
        self._pieces.clear()
