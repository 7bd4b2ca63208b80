"""Revocations in the memory of whoever decides, never older than allowed."""

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import RevocationSet, Revoked
from pdp.revocation.store import RevocationsUnavailableError


class RevocationReader(Protocol):
    """Where revocations are read."""

    def sequence(self) -> int:
        """The number of the newest change, 0 before the first.

        Raises:
            RevocationsUnavailableError: it cannot be read.

        """
        ...

    def read(self) -> RevocationSet:
        """All that is in force.

        Raises:
            RevocationsUnavailableError: it cannot be read.

        """
        ...


class HeldRevocations:
    """Holds what `store` has; what was not read again for `max_age` seconds decides nothing.

    Raises:
        RevocationsUnavailableError: it cannot be read at the start.

    """

    def __init__(
        self, store: RevocationReader, *, max_age: float, steady: Callable[[], float], log: FilteringBoundLogger
    ) -> None:
        self._store = store
        self._max_age = max_age
        self._steady = steady
        self._log = log
        self._held = Revoked(RevocationSet())
        self._error: str | None = None
        self._refreshing = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._read_at = steady()
        self.refresh()

    @property
    def sequence(self) -> int:
        """The number of the newest change that is known here."""
        return self._held.sequence

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each change that became known, by whichever thread read it."""
        self._listeners.append(listener)

    def confirmed_ago(self) -> float:
        """Seconds since the store was last read."""
        return max(0.0, self._steady() - self._read_at)

    def current(self) -> Revoked:
        """What is revoked.

        Raises:
            Refused: `revocations_unknown`, when that cannot be said.

        """
        if self._steady() - self._read_at > self._max_age:
            try:
                self.refresh()
            except RevocationsUnavailableError as error:
                raise Refused(ReasonCode.REVOCATIONS_UNKNOWN, str(error)) from error
        return self._held

    def refresh(self) -> None:
        """Read what changed.

        Raises:
            RevocationsUnavailableError: it cannot be read, or is older than what was read before.

        """
        with self._refreshing:
            asked, before = self._steady(), self._held.sequence
            sequence = self._store.sequence()
            if sequence < before:
                raise RevocationsUnavailableError("the revocations were replaced by older ones")
            if sequence > before:
                fresh = Revoked(self._store.read())
                # INVARIANT: one assignment; no request sees half of two sets.
                self._held = fresh
                self._log.info("revocations_read", revocations=fresh.sequence, in_force=len(fresh.known.revocations))
            self._read_at = asked
        if sequence > before:
            for listener in tuple(self._listeners):
                listener()

    async def watch(self, interval: float) -> None:
        """Refresh every `interval` seconds; a failure is logged once, and what is held goes on until it is too old."""
        while True:
            await asyncio.sleep(interval)
            try:
                await asyncio.to_thread(self.refresh)
                self._error = None
            except RevocationsUnavailableError as error:
                known, self._error = self._error, str(error)
                if known != self._error:
                    self._log.error("revocations_unavailable", cause=self._error)
