"""The keys that are good now: the file's, looked at again every other second, off the event loop."""

import asyncio
from collections.abc import Mapping
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import ConfigurationError, TokenError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.api_keys.entry import KeyEntry
from pdp.tokens.local.api_keys.key_file import KeyFile, Stamp

LOOK_AGAIN_SECONDS: Final = 2.0
"""By so much later a revoked key is noticed at most."""


class KeyRing:
    """The keys of `file` by their ids; a file that cannot be used lets nobody in until it can be again."""

    def __init__(self, file: KeyFile, *, log: FilteringBoundLogger) -> None:
        self._file = file
        self._log = log
        self._keys: Mapping[str, KeyEntry] | None = None
        self._stamp: Stamp | None = None
        self._looked_at: float | None = None
        self._looking: asyncio.Task[None] | None = None

    async def find(self, key_id: str, *, now: float) -> KeyEntry | None:
        """The key called `key_id` at Unix time `now`, None where there is none.

        Raises:
            TokenError: `issuer_unavailable`: the file cannot be used.

        """
        if self._looked_at is None or not 0 <= now - self._looked_at < LOOK_AGAIN_SECONDS:
            await asyncio.shield(self._look(now))
        if self._keys is None:
            raise TokenError(ReasonCode.ISSUER_UNAVAILABLE, "the file of API keys cannot be used")
        return self._keys.get(key_id)

    def _look(self, now: float) -> asyncio.Task[None]:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._refresh(now))
        return self._looking

    async def _refresh(self, now: float) -> None:
        try:
            if self._keys is None or await asyncio.to_thread(self._file.stamp) != self._stamp:
                self._stamp, entries = await asyncio.to_thread(self._file.read)
                self._keys = {entry.id: entry for entry in entries}
                self._log.info("api_keys_read", keys=len(entries))
        except (UnusableError, ConfigurationError, OSError) as error:
            self._keys = self._stamp = None
            self._log.error("api_keys_unusable", cause=str(error))
        finally:
            self._looked_at = now
            self._looking = None
