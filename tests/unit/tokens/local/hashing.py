"""A secret hash in memory: counts its work, and does it when it is told to."""

import asyncio

from pdp.tokens.local.secret_hash import HashingBusyError, SecretMismatchError

MARK = "$argon2id$test$"


class PlainHash:
    """`encoded` is the secret itself after a mark."""

    def __init__(self) -> None:
        self.checked: list[str | None] = []
        self.busy = False
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def verify(self, encoded: str | None, *, secret: str) -> None:
        if self.busy:
            raise HashingBusyError("no room")
        self.checked.append(encoded)
        self.started.set()
        await self.gate.wait()
        if encoded != MARK + secret:
            raise SecretMismatchError("different")

    async def make(self, secret: str) -> str:
        return MARK + secret
