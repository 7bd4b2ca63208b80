"""Argon2id (RFC 9106) off the event loop: a few at a time, a bounded number waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2

from pdp.tokens.local.secret_hash import HashingBusyError, SecretMismatchError

WORKERS: Final = 2
"""How many secrets are hashed at once."""
MAX_WAITING: Final = 32
"""How many more may wait for that; at 50 ms each the last one waits less than a second."""

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
"""The least that OWASP's Password Storage Cheat Sheet asks of Argon2id."""

T = TypeVar("T")


def hash_secret(secret: str) -> str:
    """A hash of `secret`; blocks for some 50 ms."""
    return _hasher().hash(secret)


class Argon2Hash:
    """Implements `SecretHash`; a caller that goes away does not make room for another before its work is done."""

    def __init__(self, *, workers: int = WORKERS, waiting: int = MAX_WAITING) -> None:
        self._hasher = _hasher()
        self._nothing = self._hasher.hash("")
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._room = workers + waiting
        self._busy = 0

    async def verify(self, encoded: str | None, *, secret: str) -> None:
        """Return when `secret` is what `encoded` was made of."""
        await self._run(lambda: self._check(encoded, secret))

    async def make(self, secret: str) -> str:
        """A hash of `secret`."""
        return await self._run(lambda: self._hasher.hash(secret))

    def _check(self, encoded: str | None, secret: str) -> None:
        try:
            self._hasher.verify(encoded or self._nothing, secret or "\0")
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError) as error:
            raise SecretMismatchError("the secret does not match") from error
        if encoded is None:
            raise SecretMismatchError("there is nothing to match")

    async def _run(self, work: Callable[[], T]) -> T:
        if self._busy >= self._room:
            raise HashingBusyError(f"{self._busy} secrets are being hashed")
        self._busy += 1
        loop = asyncio.get_running_loop()
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._free(loop))
        return await asyncio.wrap_future(future)

    def _free(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make room, in the loop's thread; a loop that has ended needs none."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._freed)

    def _freed(self) -> None:
        self._busy -= 1


def _hasher() -> argon2.PasswordHasher:
    return argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=argon2.Type.ID)
