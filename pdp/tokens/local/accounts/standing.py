"""Which version an account is at now, known for a few seconds."""

import asyncio
from dataclasses import dataclass
from typing import Final

import cachetools

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.accounts.account import Account, AccountState, AccountStore, AccountsUnavailableError

KNOWN_SECONDS: Final = 5.0
"""By so much later another process's change is noticed at most."""
ENTRIES: Final = 4096

_ENDED: Final = "the account has changed since the token was given"


@dataclass(frozen=True, slots=True)
class _Known:
    account: Account | None
    at: float


class Standings:
    """Looks accounts up, off the event loop, and remembers them for a moment."""

    def __init__(self, store: AccountStore) -> None:
        self._store = store
        self._known: cachetools.LRUCache[str, _Known] = cachetools.LRUCache(ENTRIES)

    async def find(self, email: str, *, now: float) -> Account | None:
        """The account of `email`, as it was a few seconds before Unix time `now` at most.

        Raises:
            TokenError: `issuer_unavailable`: the store cannot be asked.

        """
        known = self._known.get(email)
        if known is None or not 0 <= now - known.at < KNOWN_SECONDS:
            try:
                known = _Known(await asyncio.to_thread(self._store.find, email), now)
            except AccountsUnavailableError as error:
                raise TokenError(ReasonCode.ISSUER_UNAVAILABLE, str(error)) from error
            self._known[email] = known
        return known.account

    async def check(self, email: str, *, version: object, now: float) -> None:
        """Return when a token of `email`, given under `version`, is good still.

        Raises:
            TokenError: `token_invalid`: the account is disabled, gone or has another password; `issuer_unavailable`.

        """
        account = await self.find(email, now=now)
        if isinstance(version, int) and (account is None or account.version < version):
            self._known.pop(email, None)  # the token is newer than what is known
            account = await self.find(email, now=now)
        if account is None or account.state is not AccountState.ACTIVE or account.version != version:
            raise TokenError(ReasonCode.TOKEN_INVALID, _ENDED, caller_text=_ENDED)
