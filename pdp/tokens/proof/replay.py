"""The proofs that were seen: none is accepted twice while it could be (RFC 9449 section 11.1)."""

import hashlib
import math
from collections import Counter
from typing import Final

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.proof.refusal import unproven

KEY_SHARE: Final = 8
"""One key may have a share of `1 / KEY_SHARE` of the open places."""
RESERVED_PER_KEY: Final = 16
"""So many proofs at once any key may have as long as there is a reserved place, whatever others do."""


class SeenProofs:
    """Remembers each proof by key, `jti` and URL until its end; at most `entries` of them.

    INVARIANT: nothing is forgotten before its end. Where there is no place the proof is refused: half of the
    places are open to all keys, each up to its share, and half are kept for keys that have few.
    """

    def __init__(self, *, entries: int) -> None:
        self._entries = entries
        self._open = entries // 2
        self._per_key = max(RESERVED_PER_KEY, self._open // KEY_SHARE)
        self._seen: set[bytes] = set()
        self._by_key: Counter[str] = Counter()
        self._ends: dict[int, list[tuple[str, bytes]]] = {}
        self._swept = 0
        self._forgotten_until = -math.inf

    def add(self, key: str, *, jti: str, url: str, until: float, now: float) -> None:
        """Remember a proof of `key` (a thumbprint) that would be accepted up to Unix time `until`.

        Raises:
            TokenError: `proof_invalid` when it was seen or may have been, `limit_exceeded` without a place for it.

        """
        self._forget(now)
        end = math.floor(until) + 1
        if end <= self._forgotten_until:
            raise unproven("the proof is older than what is remembered")  # the clock was set back
        mark = hashlib.sha256(f"{key}\0{url}\0{jti}".encode("utf-8", "surrogatepass")).digest()[:16]
        if mark in self._seen:
            raise unproven("the proof was used before")
        self._check_place(key)
        self._seen.add(mark)
        self._by_key[key] += 1
        self._ends.setdefault(end, []).append((key, mark))

    def __len__(self) -> int:
        return len(self._seen)

    def _check_place(self, key: str) -> None:
        taken, of_key = len(self._seen), self._by_key[key]
        if of_key >= self._per_key:
            raise TokenError(ReasonCode.LIMIT_EXCEEDED, "too many proofs of one key at once")
        if taken >= self._entries or (taken >= self._open and of_key >= RESERVED_PER_KEY):
            raise TokenError(ReasonCode.LIMIT_EXCEEDED, "too many proofs at once")

    def _forget(self, now: float) -> None:
        second = math.floor(now)
        if second == self._swept:
            return
        self._swept = second
        for end in [end for end in self._ends if end <= second]:
            self._forgotten_until = max(self._forgotten_until, end)
            for key, mark in self._ends.pop(end):
                self._seen.discard(mark)
                self._by_key[key] -= 1
                if not self._by_key[key]:
                    del self._by_key[key]
